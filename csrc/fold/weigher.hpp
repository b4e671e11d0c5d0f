// Absent elements and weights as part of the lift: the identity element of each merge, a factor of sums, a
// plane of weights.
#pragma once
#include <algorithm>
#include <cmath>

#include "abi/job.hpp"
#include "fold/elements.hpp"
#include "fold/merges.hpp"
#include "fold/powers.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class A>
A nothing_of(std::int64_t merge) {
  return merge == MAX ? least<A> : merge == MIN ? most<A> : A(merge == PROD);
}

template <class A>
struct Weigher {
  struct Rows {
    A *p0, *p1, *u;  // of values, and of weights; null: there is none
  };
  const anypool_job& job;
  const Reader<A>& reader;
  const bool serves, real;  // whether elements may be absent or have weights; whether weights are numbers
  const A key, other_key;   // of integers: see key_of; of the second plane, from the first one's numbers
  A centre = 0;             // the pivot of a tile whose rows are shifted as they are read
  bool centred = false;
  double top = 0;        // what is subtracted from logarithms of weights
  bool invalid = false;  // some weight is not valid
  A *p0 = nullptr, *p1 = nullptr, *u = nullptr;
  Array<A> weight, unread;
  Array<std::uint8_t> mask, numbers_only;
  Array<float> singles;
  Array<double> doubles;
  Scratch<float> powers;

  Weigher(const anypool_job& j, const Reader<A>& r)
      : job(j),
        reader(r),
        serves(j.w || (j.omit && r.present)),
        real(j.w && j.w_type != U8),
        key(A(key_of(j, 0))),
        other_key(A(key_of(j, 0) ^ key_of(j, 1))) {}

  // n elements x and their weights, which lie at `w` + `begin`, or which gather(from, to, 1) fetches where
  // `begin` is negative.
  template <class Gather>
  void row(const void* x, Index w, Index n, Rows to, Index begin, Gather gather) {
    p0 = to.p0, p1 = to.p1, u = to.u;
    if (!job.w) {
      if (Index(mask.size()) < n) mask.assign(n, 1);
      weigh(x, mask.data(), n);
    } else if (!real)
      weigh(x, weights_at(static_cast<const std::uint8_t*>(job.w) + w, mask, n, begin, gather), n);
    else if constexpr (std::is_floating_point_v<A>) {
      if (!job.logs) return weigh(x, real_weights(w, n, begin, gather), n);
      const A* v = plane_of(x, n, p0);
      with_logs(w, n, begin, gather, [&](const auto* a) { numbers(v, shares(v, a, n), n); });
    }
  }
  // The greatest logarithm of the present elements of a row joins `top`.
  template <class Gather>
  void scan(const void* x, Index w, Index n, Index begin, Gather gather) {
    if constexpr (std::is_floating_point_v<A>) {
      const A* v = job.omit || job.rate != 0 ? plane_of(x, n, room(unread, n)) : nullptr;
      with_logs(w, n, begin, gather, [&](const auto* a) {
        invalid |= !all_valid(job, a, n);
        top = std::max(top, greatest_logarithm(job, v, a, n));
      });
    }
  }
  const A* plane_of(const void* x, Index n, A* scratch) const {
    if (reader.same && key == 0) return static_cast<const A*>(x);
    reader.widen(x, scratch, n, key);
    return scratch;
  }
  // use(logarithms of weights), in their own type.
  template <class Gather, class Use>
  void with_logs(Index w, Index n, Index begin, Gather gather, Use use) {
    if (job.w_type == F32) use(weights_at(static_cast<const float*>(job.w) + w, singles, n, begin, gather));
    else use(weights_at(static_cast<const double*>(job.w) + w, doubles, n, begin, gather));
  }
  // Their powers of e, as numbers of the planes.
  template <class W>
  const A* shares(const A* x, const W* a, Index n) {
    const double shift = std::isfinite(top) ? top : 0;
    A* to = room(weight, n);
    if constexpr (std::is_same_v<A, double>)
      if (powers_are_single(job)) {
        float* e = room(powers, n);
        powers_of_logarithms(job, x, a, n, shift, e);
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) to[i] = A(e[i]);
        return to;
      }
    powers_of_logarithms(job, x, a, n, shift, to);
    return to;
  }
  template <class W, class Gather>
  const W* weights_at(const W* w, Array<W>& scratch, Index n, Index begin, Gather gather) {
    if (begin >= 0) {
      ask<0>(w + begin, 8192, n * Index(sizeof(W)));
      return w + begin;
    }
    gather(w, room(scratch, n), W(job.logs ? 0 : 1));  // a border's constant counts once
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
    const A* own = weights_at(static_cast<const A*>(job.w) + w, weight, n, begin, gather);
    if (job.checks) invalid |= !all_valid(job, own, n);
    return own;
  }
  template <class W>
  const A* converted(const W* w, Index n) {
    if (job.checks) invalid |= !all_valid(job, w, n);
    A* to = room(weight, n);
#pragma GCC ivdep
    for (Index i = 0; i < n; ++i) to[i] = A(w[i]);
    return to;
  }

  // A row of elements of which some are absent, or have weights. No loop has a branch, so that lanes go side
  // by side.
  template <class W>
  void weigh(const void* x, const W* w, Index n) {
    if constexpr (sizeof(W) == 1)
      if (job.lift == TRUTH || job.lift == PRESENT_ONES || job.lift == PLACE) return lifted(x, w, n);
    numbers(plane_of(x, n, p0), w, n);
  }
  // Lifts whose numbers are no longer x's; those of places are there.
  void lifted(const void* x, const std::uint8_t* w, Index n) {
    const A none = nothing_of<A>(folded_merge(job, 0));
    A* to = p0;
    if (job.lift == TRUTH)
      return reader.present_truth(x, w, job.omit != 0, none, to, u ? u : room(unread, n), n);
    const std::uint8_t* has = w;
    if (job.omit && reader.present) reader.present(x, w, room(numbers_only, n), n), has = numbers_only.data();
    if (job.lift == PRESENT_ONES)
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) to[i] = A(has[i] != 0);
    else
#pragma GCC ivdep
      for (Index i = 0; i < n; ++i) to[i] = has[i] ? to[i] : none;
  }

  template <class W>
  static constexpr bool numeric = std::is_floating_point_v<A> && std::is_same_v<A, W>;  // weights
  template <class V>
  static ANYPOOL_INLINE V turned(V v, [[maybe_unused]] A by) {
    if constexpr (std::is_integral_v<A>) return v ^ by;
    else return v;
  }

  // Rows of the planes, in one pass.
  template <class W>
  void numbers(const A* x, const W* w, Index n) {
    const bool factor = job.lift == VALUE && real && job.merge0 == SUM,
               total = real && job.weighting == TOTAL;
    if (job.lift == SHIFTED) return total ? shifted<true>(x, w, n) : shifted<false>(x, w, n);
    if (job.lift == VALUE && p1) return two_values(x, w, n);
    if constexpr (numeric<W>) {
      if (factor && !u) return values<true, false, false>(x, w, n);
      if (factor) return total ? values<true, true, true>(x, w, n) : values<true, true, false>(x, w, n);
      if (total && u) return values<false, true, true>(x, w, n);
    }
    return u ? values<false, true, false>(x, w, n) : values<false, false, false>(x, w, n);
  }
  template <bool factor, bool units, bool total, class W>
  void values(const A* x, const W* w, Index n) {
    using L = Lanes<A>;
    const auto none = L::fill(absent());
    A *to = p0, *weight = u;
    present_lanes(x, w, n, [=](Index i, auto v, auto has, auto whole) ANYPOOL_FLAT {
      typename L::V number = v, share = L::fill(A(1));
      if constexpr ((factor || total) && numeric<W>) share = get(w + i, whole);
      if constexpr (factor) number = v * share;
      put(to + i, has ? number : none, whole);
      if constexpr (units) put(weight + i, has ? total ? share : L::fill(A(1)) : typename L::V{}, whole);
    });
  }
  template <class W>
  void two_values(const A* x, const W* w, Index n) {
    using L = Lanes<A>;
    const auto none = L::fill(absent()), other = L::fill(nothing_of<A>(folded_merge(job, 1)));
    [[maybe_unused]] const A turn = other_key;
    A *first = p0, *second = p1, *weight = u;
    present_lanes(x, w, n, [=](Index i, auto v, auto has, auto whole) ANYPOOL_FLAT {
      put(first + i, has ? v : none, whole), put(second + i, has ? turned(v, turn) : other, whole);
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
        if constexpr (total && numeric<W>) share = get(w + i, whole);
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
    if (job.lift == VALUE) return nothing_of<A>(folded_merge(job, 0));
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
