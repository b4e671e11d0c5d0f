// Absent elements and weights as part of the lift: the identity element of each merge, a factor of sums, a
// plane of weights.
#pragma once
#include <algorithm>
#include <cmath>

#include "abi/job.hpp"
#include "fold/merges.hpp"
#include "simd/halves.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class A>
A nothing_of(std::int64_t merge) {
  return merge == MAX ? least<A> : merge == MIN ? most<A> : A(merge == PROD);
}

template <class T, class A>
struct Weigher {
  struct Rows {
    A *p0, *p1, *u;  // of values, and of weights; null: there is none
  };
  const anypool_job& job;
  const bool serves, real;  // whether elements may be absent or have weights; whether weights are numbers
  A centre = 0;             // the pivot of a tile whose rows are shifted as they are read
  bool centred = false;
  A *p0 = nullptr, *p1 = nullptr, *u = nullptr;
  Array<A> weight, unread;
  Array<std::uint8_t> mask;
  Array<float> singles;
  Array<double> doubles;

  explicit Weigher(const anypool_job& j)
      : job(j), serves(j.w || (j.omit && !std::is_integral_v<T>)), real(j.w && j.w_type != U8) {}

  // n elements x and their weights, which lie at `w` + `begin`, or which gather(from, to, 1) fetches where
  // `begin` is negative.
  template <class Gather>
  void row(const T* x, Index w, Index n, Rows to, Index begin, Gather gather) {
    p0 = to.p0, p1 = to.p1, u = to.u;
    if (!job.w) {
      if (Index(mask.size()) < n) mask.assign(n, 1);
      weigh(x, mask.data(), n);
    } else if (!real)
      weigh(x, weights_at(static_cast<const std::uint8_t*>(job.w) + w, mask, n, begin, gather), n);
    else weigh(x, real_weights(w, n, begin, gather), n);
  }
  template <class W, class Gather>
  const W* weights_at(const W* w, Array<W>& scratch, Index n, Index begin, Gather gather) {
    if (begin >= 0) {
      ask<0>(w + begin, 8192, n * Index(sizeof(W)));
      return w + begin;
    }
    gather(w, room(scratch, n), W(1));  // a border's constant counts once
    return scratch.data();
  }
  template <class Gather>
  const A* real_weights(Index w, Index n, Index begin, Gather gather) {
    if constexpr (std::is_same_v<A, double>)
      if (job.w_type == F32)
        return converted(weights_at(static_cast<const float*>(job.w) + w, singles, n, begin, gather), n);
    if constexpr (std::is_same_v<A, float>)
      if (job.w_type == F64)
        return converted(weights_at(static_cast<const double*>(job.w) + w, doubles, n, begin, gather), n);
    return weights_at(static_cast<const A*>(job.w) + w, weight, n, begin, gather);
  }
  template <class W>
  const A* converted(const W* w, Index n) {
    A* to = room(weight, n);
#pragma GCC ivdep
    for (Index i = 0; i < n; ++i) to[i] = A(w[i]);
    return to;
  }

  // A row of elements of which some are absent, or have weights. No loop has a branch, so that lanes go side
  // by side.
  template <class W>
  void weigh(const T* x, const W* w, Index n) {
    const bool keep = !job.omit;
    const auto present = [=](Index i, auto v) { return (w[i] != 0) & (keep | (v == v)); };
    switch (job.lift) {
      case TRUTH: {
        const A none = nothing_of<A>(job.merge0);
        A *units = u ? u : room(unread, n), *to = p0;
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) {
          const auto v = number(x[i]);
          const bool has = present(i, v);
          to[i] = has ? A(v != 0) : none, units[i] = A(has);
        }
        return;
      }
      case PRESENT_ONES: {
        A* to = p0;
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) to[i] = A(present(i, number(x[i])));
        return;
      }
      case PLACE:  // the keys are there
        if constexpr (std::is_same_v<A, std::int64_t> && sizeof(T) <= 4) {
          A* to = p0;
#pragma GCC ivdep
          for (Index i = 0; i < n; ++i) to[i] = present(i, number(x[i])) ? to[i] : least<A>;
        }
        return;
      default: break;
    }
    if constexpr (std::is_same_v<T, A>) numbers(x, w, n);
    else widen(x, p0, n), numbers(p0, w, n);
  }

  // Rows of the planes, in one pass.
  template <class W>
  void numbers(const A* x, const W* w, Index n) {
    const bool factor = job.lift == VALUE && real && job.merge0 == SUM,
               total = real && job.weighting == TOTAL;
    if (job.lift == SHIFTED) return total ? shifted<true>(x, w, n) : shifted<false>(x, w, n);
    if (job.lift == VALUE && p1) return two_values(x, w, n);
    if (!u) return factor ? values<true, false, false>(x, w, n) : values<false, false, false>(x, w, n);
    if (factor) return total ? values<true, true, true>(x, w, n) : values<true, true, false>(x, w, n);
    return total ? values<false, true, true>(x, w, n) : values<false, true, false>(x, w, n);
  }
  template <bool factor, bool units, bool total, class W>
  void values(const A* x, const W* w, Index n) {
    using L = Lanes<A>;
    const auto none = L::fill(absent());
    A *to = p0, *weight = u;
    present_lanes(x, w, n, [=](Index i, auto v, auto has, auto whole) ANYPOOL_FLAT {
      typename L::V number = v, share = L::fill(A(1));
      if constexpr ((factor || total) && std::is_same_v<A, W>) share = get(w + i, whole);
      if constexpr (factor) number = v * share;
      put(to + i, has ? number : none, whole);
      if constexpr (units) put(weight + i, has ? total ? share : L::fill(A(1)) : typename L::V{}, whole);
    });
  }
  template <class W>
  void two_values(const A* x, const W* w, Index n) {
    using L = Lanes<A>;
    const auto none = L::fill(absent()), other = L::fill(nothing_of<A>(job.merge1));
    A *first = p0, *second = p1, *weight = u;
    present_lanes(x, w, n, [=](Index i, auto v, auto has, auto whole) ANYPOOL_FLAT {
      put(first + i, has ? v : none, whole), put(second + i, has ? v : other, whole);
      put(weight + i, has ? L::fill(A(1)) : typename L::V{}, whole);
    });
  }
  template <bool total, class W>
  void shifted(const A* x, const W* w, Index n) {
    if constexpr (std::is_floating_point_v<A>) {
      using L = Lanes<A>;
      if (!centred) centre = exact_centre(x, w, n), centred = true;
      const auto c = L::fill(centre);
      A *sum = p0, *squares = p1, *weight = u;
      present_lanes(x, w, n, [=](Index i, auto v, auto has, auto whole) ANYPOOL_FLAT {
        const typename L::V d = v - c, none{};
        typename L::V share = L::fill(A(1));
        if constexpr (total && std::is_same_v<A, W>) share = get(w + i, whole);
        const typename L::V product = total ? share * d : d;
        put(sum + i, has ? product : none, whole), put(squares + i, has ? product * d : none, whole),
            put(weight + i, has ? share : none, whole);
      });
    }
  }
  // body(i, numbers, which are present, lanes) for the vectors of a row.
  template <class W, class Body>
  void present_lanes(const A* x, const W* w, Index n, Body body) const {
    if (job.omit)
      each<A>(n, [&](Index i, auto whole) ANYPOOL_FLAT {
        const auto v = get(x + i, whole);
        body(i, v, nonzero<A>(w + i, whole) & (v == v), whole);
      });
    else
      each<A>(n, [&](Index i, auto whole)
                     ANYPOOL_FLAT { body(i, get(x + i, whole), nonzero<A>(w + i, whole), whole); });
  }
  // A pivot from which all present elements of some are subtracted exactly: a median between half and twice
  // each of them, or 0.
  template <class W>
  A exact_centre(const A* x, const W* w, Index n) const {
    constexpr Index most = 63;
    A sample[most]{};
    Index taken = 0;
    const Index some = std::min(n, most);
    for (Index i = 0; i < some; ++i)
      if (const Index at = i * n / some; w[at] != 0 && x[at] - x[at] == 0) sample[taken++] = x[at];
    if (!taken) return 0;
    std::nth_element(sample, sample + taken / 2, sample + taken);
    const A middle = sample[taken / 2];
    for (Index i = 0; i < taken; ++i)
      if (sample[i] * middle <= 0 || std::abs(sample[i]) > 2 * std::abs(middle) ||
          std::abs(middle) > 2 * std::abs(sample[i]))
        return 0;
    return middle;
  }
  // The number of an absent element before `finish` lifts it.
  A absent() const {
    if (job.lift == VALUE) return nothing_of<A>(job.merge0);
    if constexpr (std::is_floating_point_v<A>)
      if (job.lift == EXP || job.lift == EXP_VALUE)
        return job.rate > 0 ? -std::numeric_limits<A>::infinity() : std::numeric_limits<A>::infinity();
    return A(0);
  }

  // Weights are factors of lifted sums.
  void multiply(A* first, A* second, const A* units, Index n) const {
    if (!real || job.merge0 != SUM) return;
    for (A* to : {first, second})
#pragma GCC ivdep
      for (Index i = 0; to && i < n; ++i) to[i] = units[i] != 0 ? A(to[i] * units[i]) : A(0);
  }
};
}  // namespace anypool::ANYPOOL_ISA
