// Small square windows of the last two levels at once: columns are folded in registers and never written.
#pragma once
#include "division.hpp"
#include "job.hpp"
#include "quotient.hpp"
#include "row.hpp"
#include "scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// Lanes `off` further on (or back) in a stream of vectors.
template <class T, int off, int... i>
ANYPOOL_INLINE auto shifted(typename Lanes<T>::V before, typename Lanes<T>::V now, typename Lanes<T>::V after, std::integer_sequence<int, i...>) {
  constexpr int n = int(sizeof...(i));
  if constexpr (off == 0) return now;
  else if constexpr (off < 0) return __builtin_shufflevector(before, now, (i + n + off)...);
  else return __builtin_shufflevector(now, after, (i + off)...);
}

template <int... i>
constexpr auto ramp(std::integer_sequence<int, i...>) {
  return Lanes<std::int32_t>::V{i...};
}

// What the windows of a row are divided by, a lane each, and all but those of its first vector and of its end.
template <class T>
struct Share {
  const T *count = nullptr, *share = nullptr;
  T middle = 1, middle_share = 1;
};

// `together` rows of `windows` windows of K × K elements, from rows of `width` lanes; windows begin `pad` lanes before the row.
template <class M, class T, int K, int stride, int pad, int together, bool divides>
void square_rows(const T* const* rows, T* const* results, Index width, Index windows, const Share<T>* by) {
  using L = Lanes<T>;
  using V = typename L::V;
  const T* row[K + together - 1];  // copies, which no store can change
  T* y[together];
  std::copy_n(rows, K + together - 1, row), std::copy_n(results, together, y);
  constexpr auto lanes = std::make_integer_sequence<int, int(L::n)>{};
  constexpr bool ahead = K - 1 - pad >= stride;  // whether windows see the vector after their own
  struct Streams {
    V v[together][stride];  // lanes 0, stride, 2·stride …; 1, stride + 1 …
  };
  auto folded = [&](auto load) {
    V column[stride][together];
#pragma GCC unroll 2
    for (int s = 0; s < stride; ++s) {
      V shared = load(together - 1, s * L::n);
#pragma GCC unroll 8
      for (int t = together; t < K; ++t) shared = M::merge(shared, load(t, s * L::n));
      if constexpr (together == 1) column[s][0] = shared;
      else column[s][0] = M::merge(load(0, s * L::n), shared), column[s][1] = M::merge(shared, load(K, s * L::n));
    }
    Streams made;
#pragma GCC unroll 2
    for (int p = 0; p < together; ++p) {
      if constexpr (stride == 1) made.v[p][0] = column[0][p];
      else made.v[p][0] = every_other<T, 0>(column[0][p], column[1][p]), made.v[p][1] = every_other<T, 1>(column[0][p], column[1][p]);
    }
    return made;
  };
  auto whole = [&](Index at) ANYPOOL_FLAT { return folded([&](int t, Index i) { return L::load(row[t] + at + i); }); };
  auto nothing = [&]() {
    Streams made;
    for (auto& v : made.v)
      for (V& s : v) s = L::fill(M::nothing);
    return made;
  };
  auto any = [&](Index at) {
    if (at >= width) return nothing();
    if (at + stride * L::n <= width) return whole(at);
    return folded([&](int t, Index i) { return some<M, T>(row[t] + std::min(at + i, width), std::clamp<Index>(width - at - i, 0, L::n)); });
  };
  auto taps = [&]<int... t>(const V* before, const V* now, const V* after, std::integer_sequence<int, t...>) ANYPOOL_FLAT {
    auto tap = [&]<int at>(std::integral_constant<int, at>) ANYPOOL_FLAT {
      constexpr int d = at - pad + stride * K, s = d % stride, off = d / stride - K;
      return shifted<T, off>(before[s], now[s], after[s], lanes);
    };
    V v = tap(std::integral_constant<int, 0>{});
    ((v = t ? M::merge(v, tap(std::integral_constant<int, t>{})) : v), ...);
    return v;
  };
  Streams before = nothing(), now = any(0);
  auto step = [&](Index o, const Streams& after, auto middle, Index count) ANYPOOL_FLAT {
#pragma GCC unroll 2
    for (int p = 0; p < together; ++p) {
      V v = taps(before.v[p], now.v[p], after.v[p], std::make_integer_sequence<int, K>{});
      if constexpr (divides) {
        if constexpr (decltype(middle)::value) v = quotient(v, L::fill(by[p].middle), L::fill(by[p].middle_share));
        else v = quotient(v, L::load(by[p].count + o, count), L::load(by[p].share + o, count));
      }
      if constexpr (decltype(middle)::value) L::store(y[p] + o, v);
      else L::store(y[p] + o, v, count);
    }
  };
  constexpr Index far = ahead ? 2 * L::n : L::n;
  Index o = 0;
  if (windows) {
    const Streams next = ahead ? any(L::n * stride) : now;
    step(0, next, std::false_type{}, windows);
    before = now, now = next, o = L::n;
  }
  for (; o + L::n <= windows && (o + far) * stride + K <= width; o += L::n) {
    if constexpr (ahead) {
      const Streams after = whole((o + L::n) * stride);
      step(o, after, std::true_type{}, L::n);
      before = now, now = after;
    } else {
      now = whole(o * stride);
      step(o, now, std::true_type{}, L::n);
      before = now;
    }
  }
  for (; o < windows; o += L::n) {
    if constexpr (!ahead) now = any(o * stride);
    const Streams after = ahead ? any((o + L::n) * stride) : now;
    step(o, after, std::false_type{}, windows - o);
    before = now, now = after;
  }
}

// The last two levels of a job, where they are alike, small and dense.
template <class M, class T>
struct Squares {
  using Rows = void (*)(const T* const*, T* const*, Index, Index, const Share<T>*);
  const anypool_level *a = nullptr, *b = nullptr;
  Rows rows = nullptr;
  Index together = 1;
  bool divides = false;
  Division<T>& division;
  Scratch<T> spare;  // a row of nothing, and one for answers that nobody asked for

  Squares(const anypool_job& job, Division<T>& by) : divides(by.serves), division(by) {
    if constexpr (std::is_floating_point_v<T> && Lanes<T>::n >= 4) {
      if (job.levels < 2 || job.inner != 1) return;
      a = job.level + job.levels - 2, b = a + 1;
      if (!a->windows || !b->windows || !a->affine || !b->affine || a->step != 1 || b->step != 1 || a->places != b->places || a->stride != b->stride) return;
      switch (a->places * 4 + a->stride) {
        case 2 * 4 + 2: of<2, 2>(); break;
        case 3 * 4 + 2: of<3, 2>(); break;
        case 2 * 4 + 1: of<2, 1>(); break;
        case 3 * 4 + 1: of<3, 1>(); break;
        case 5 * 4 + 1: of<5, 1>(); break;
        case 7 * 4 + 1: of<7, 1>(); break;
        default: break;
      }
      if (rows) spare.assign(b->size + b->windows + 2 * Lanes<T>::n, M::nothing);
    }
  }

  template <int K, int stride>
  void of() {
    together = stride == 1 ? 2 : 1;
    if constexpr ((K - 1) / stride <= Lanes<T>::n)
      if (b->start == 0) rows = divides ? square_rows<M, T, K, stride, 0, stride == 1 ? 2 : 1, true> : square_rows<M, T, K, stride, 0, stride == 1 ? 2 : 1, false>;
    if constexpr (K > 2)
      if (b->start == -(K / 2)) rows = divides ? square_rows<M, T, K, stride, K / 2, stride == 1 ? 2 : 1, true> : square_rows<M, T, K, stride, K / 2, stride == 1 ? 2 : 1, false>;
  }

  Share<T> share(Index o) {
    if (!divides) return {};
    const auto& t = division.of(o);
    const Index middle = std::min(Lanes<T>::n, b->windows - 1);
    return {t.count.data(), t.share.data(), t.count[middle], t.share[middle]};
  }

  // Windows [from, to) of one item, whose position `base` is at x.
  void fold(const T* x, Index base, T* y, Index from, Index to, bool raw) {
    const T* row[9];
    for (Index o = from; o < to; o += together, y += together * b->windows) {
      const Index first = a->start + o * a->stride, all = a->places + together - 1;
      for (Index t = 0; t < all; ++t) row[t] = first + t >= 0 && first + t < a->size ? x + (first + t - base) * b->size : spare.data();
      const bool both = o + 1 < to;
      T* const to_[2] = {y, both ? y + b->windows : spare.data() + b->size};
      const Share<T> by[2] = {share(o), share(both ? o + 1 : o)};
      if (raw) ask<0>(row[a->places - 1], 8192, together * a->stride * b->size * Index(sizeof(T)));
      ask<1>(y, 4096, together * b->windows * Index(sizeof(T)));
      rows(row, to_, b->size, b->windows, by);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
