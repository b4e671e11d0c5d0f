// Sums of squared deviations: means and spreads of runs join (Chan, Golub & LeVeque 1983), each run seen from
// its own first element.
#pragma once
#include <algorithm>
#include <cmath>

#include "abi/job.hpp"
#include "fold/quotient.hpp"
#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index most_met = 32;  // runs that join at once: longer ones are halved, so that sums stay accurate
constexpr Index most_beside = 8;  // places of windows along a row that are walked at all positions at once
// Runs of `n` elements side by side: the first of each, how far their means lie from it, and their spreads;
// null: elements.
template <class T>
struct Runs {
  const T *first, *offset, *spread;
  T n;
  Runs at(Index i) const {
    return {first + i, offset ? offset + i : nullptr, spread ? spread + i : nullptr, n};
  }
};

template <class T>
struct Moments final : Passes {
  using L = Lanes<T>;
  using V = typename L::V;
  const anypool_level* level;
  const int levels;
  const Index inner;
  Array<Index> lanes, results;  // input and output lanes under each level
  Array<Scratch<T>> offsets, spreads;
  Scratch<T> dense;

  explicit Moments(const anypool_job& job)
      : level(job.level),
        levels(int(job.levels)),
        inner(job.inner),
        lanes(levels),
        results(levels),
        offsets(levels),
        spreads(levels) {
    Index in = inner, out = inner;
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
    }
  }

  void run(int l, const void* x, Index pitch, Index rows, Index base, void* y, Index y_pitch, Index from,
           Index to) override {
    const T* p = static_cast<const T*>(x);
    for (Index r = 0; r < rows; ++r)
      fold(l, {p + r * pitch - base * lanes[l], nullptr, nullptr, T(1)}, static_cast<T*>(y) + r * y_pitch,
           from, to);
  }

  // Whether no square of a difference can vanish or be too large: what is out of the safe range is so
  // rightly.
  bool vouch(const void* x, Index n) const override {
    constexpr T small = sizeof(T) == 4 ? T(0x1p-40) : T(0x1p-400),
                large = sizeof(T) == 4 ? T(0x1p60) : T(0x1p500), inf = std::numeric_limits<T>::infinity();
    const T* p = static_cast<const T*>(x);
    int bad = 0;
    for (Index i = 0; i < n; ++i) {
      const T v = std::abs(p[i]);
      bad |= ((v < small) & (v != 0)) | ((v > large) & (v < inf));
    }
    return !bad;
  }

  static Index all(const anypool_level& a) { return a.windows ? a.windows : a.size; }

  void fold(int l, Runs<T> x, T* y, Index from, Index to) {
    const auto& a = level[l];
    const Index w = lanes[l];
    const bool last = l == levels - 1;
    if (a.windows && last && inner < L::n) return along(x, y, from, to);
    for (Index o = from; o < to; ++o, y += results[l]) {
      if (!a.windows) {
        fold(l + 1, x.at(o * w), y, 0, all(level[l + 1]));
        continue;
      }
      const Index k = a.length[o];
      if (!x.spread) ask<0>(x.first + a.first[o] * w, 8192, a.stride * w * Index(sizeof(T)));
      if (last) ask<1>(y, 4096, w * Index(sizeof(T)));
      if (!k) std::fill_n(y, results[l], T(0));
      else if (last) join<false>(x.at(a.first[o] * w), a.step * w, k, nullptr, y, w);
      else {
        T *offset = room(offsets[l], w), *spread = room(spreads[l], w);
        const auto from_ = x.at(a.first[o] * w);
        join<true>(from_, a.step * w, k, offset, spread, w);
        fold(l + 1, {from_.first, offset, spread, x.n * T(k)}, y, 0, all(level[l + 1]));
      }
    }
  }

  // Windows along a row of few lanes: those with all their places at once, the others one by one.
  void along(Runs<T> x, T* y, Index from, Index to) {
    const auto& a = level[levels - 1];
    const Index c = inner;
    Index low = from, high = a.affine && a.places <= most_beside ? to : from;
    while (low < high && a.length[low] < a.places) ++low;
    while (high > low && a.length[high - 1] < a.places) --high;
    ask<1>(y, 4096, (to - from) * c * Index(sizeof(T)));
    for (Index o = from; o < to; ++o) {
      if (o == low) o = high;
      if (o == to) break;
      const Index k = a.length[o];
      const auto here = x.at(a.first[o] * c);
      const auto at = [&](const T* p, Index t) { return p[t * a.step]; };
      T* to_ = y + (o - from) * c;
      if (!k) std::fill_n(to_, c, T(0));
      else if (c > 1) join<false>(here, a.step * c, k, nullptr, to_, c);
      else if (x.spread) *to_ = joined<T, false>(here, 0, k, x.n, at).second;
      else if (k >= 4 * L::n && a.step == 1) *to_ = run_of(here, k);
      else *to_ = joined<T, true>(here, 0, k, x.n, at).second;
    }
    if (high == low) return;
    const auto first = x.at(a.first[low] * c);
    T* to_ = y + (low - from) * c;
    const Index n = high - low, wide = (n - 1) * a.stride + 1;
    if (a.stride == 1) return join<false>(first, a.step * c, a.places, nullptr, to_, n * c);
    T* b = room(dense, wide * c);
    join<false>(first, a.step * c, a.places, nullptr, b, wide * c);
    for (Index o = 0; o < n; ++o) std::copy_n(b + o * a.stride * c, c, to_ + o * c);
  }

  // Lanes of k runs `distance` apart; `on`: their common offset is wanted too.
  template <bool on>
  void join(Runs<T> x, Index distance, Index k, T* offset, T* spread, Index lanes_) const {
    auto with = [&](auto few) {
      if (x.spread) rows<few, false, on>(x, distance, k, offset, spread, lanes_);
      else rows<few, true, on>(x, distance, k, offset, spread, lanes_);
    };
    switch (k) {
      case 1: return with(std::integral_constant<int, 1>{});
      case 2: return with(std::integral_constant<int, 2>{});
      case 3: return with(std::integral_constant<int, 3>{});
      case 4: return with(std::integral_constant<int, 4>{});
      case 5: return with(std::integral_constant<int, 5>{});
      case 6: return with(std::integral_constant<int, 6>{});
      case 7: return with(std::integral_constant<int, 7>{});
      default: return with(std::integral_constant<int, 0>{});
    }
  }

  // Differences from the first run: equal runs have no spread at all, and a square is at most k times what is
  // left of it.
  template <int few, bool elements, bool on>
  void rows(Runs<T> x, Index distance, Index many, T* offset, T* spread, Index lanes_) const {
    const Index k = few ? few : many;
    const V share = L::fill(T(1) / T(k)), n = L::fill(x.n);
    each<T>(lanes_, [&](Index i, auto whole) {
      const auto at = [&](const T* p, Index t) { return get(p + i + t * distance, whole); };
      const auto [mean, inside] =
          few ? met<V, elements>(x, k, share, n, at) : joined<V, elements>(x, 0, k, n, at);
      put(spread + i, inside, whole);
      if constexpr (on) put(offset + i, mean, whole);
    });
  }

  // The spread of one long run: lanes are runs of their own, which join in the end, and with what is left
  // over.
  static T run_of(Runs<T> x, Index k) {
    const Index rows = k / L::n, rest = k - rows * L::n;
    const auto [offset, spread] =
        joined<V, true>(x, 0, rows, L::fill(1), [](const T* p, Index t) { return L::load(p + t * L::n); });
    alignas(64) T offsets_[L::n], spreads_[L::n];
    L::store(offsets_, offset), L::store(spreads_, spread);
    const auto one = [](const T* p, Index t) { return p[t]; };
    const auto most = met<T, false>({x.first, offsets_, spreads_, T(rows)}, L::n, 1 / T(L::n), T(rows), one);
    if (!rest) return most.second;
    const auto last = met<T, true>(x.at(rows * L::n), rest, 1 / T(rest), T(1), one);
    return pair_of<T>(x.first[rows * L::n] - x.first[0], most, last, T(k - rest), T(rest), T(1)).second;
  }

  // Two of these whose first elements lie `apart`: n·p and n·q elements.
  template <class X>
  static ANYPOOL_INLINE std::pair<X, X> pair_of(X apart, std::pair<X, X> a, std::pair<X, X> b, T p, T q,
                                                X n) {
    const X far = apart + (b.first - a.first), moved = far * (q / (p + q));
    return {a.first + moved, fused(far * moved, n * p, a.second + b.second)};
  }

  // `met` for any number of runs, the first of them run `begin`.
  template <class X, bool elements, class At>
  static std::pair<X, X> joined(Runs<T> x, Index begin, Index k, X n, At at) {
    if (k <= most_met)
      return met<X, elements>(x, k, X{} + 1 / T(k), n, [&](const T* p, Index t) { return at(p, begin + t); });
    const Index half = (k / 2 + most_met - 1) / most_met * most_met;
    const auto a = joined<X, elements>(x, begin, half, n, at),
               b = joined<X, elements>(x, begin + half, k - half, n, at);
    return pair_of<X>(at(x.first, begin + half) - at(x.first, begin), a, b, T(half), T(k - half), n);
  }

  // Where the mean of k runs lies from the first element, and their spread; at(p, t) is run t's number of
  // plane p.
  template <class X, bool elements, class At>
  static ANYPOOL_INLINE std::pair<X, X> met(Runs<T> x, Index k, X share, X n, At at) {
    const X a = at(x.first, 0);
    X sum{}, square{}, inside{}, b{};
    if constexpr (!elements) b = at(x.offset, 0), inside = at(x.spread, 0);
#pragma GCC unroll 8
    for (Index t = 1; t < k; ++t) {
      X u = at(x.first, t) - a;
      if constexpr (!elements) u = u + (at(x.offset, t) - b), inside = inside + at(x.spread, t);
      sum = sum + u, square = fused(u, u, square);
    }
    if (elements && k == 1) square = a - a;  // what is no number has no spread
    const X mean = sum * share, between = fused(X(-sum), mean, square);
    return {b + mean, elements ? between : fused(between, n, inside)};
  }
};
}  // namespace anypool::ANYPOOL_ISA
