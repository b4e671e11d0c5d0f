// Windows of any places along a row. Many short runs are folded at once: a vector holds one, two or four of
// them, a tree folds them all.
#pragma once
#include <algorithm>

#include "fold/row.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index most_in_a_row =
    256;  // elements added one after another: longer sums go by blocks, which keeps their digits

// Runs side by side. 10^6 runs of 1 to 8 floats, two threads: 3.0 -> 1.3 ms, one run after the other stood
// still for each branch and fold.
template <class M, class T>
struct ShortRuns {
  using L = Lanes<T>;
  using V = typename L::V;
#if ANYPOOL_MASKED
  static constexpr bool serves = sizeof(T) >= 4;
#else
  static constexpr bool serves = false;
#endif
  static constexpr Index n = L::n;  // runs at once

  static void fold(const T* x, const Index* first, const Index* length, Index windows, T* y) {
    Index o = 0;
    if constexpr (serves)
      for (; o + n <= windows; o += n) {
        const Index longest = *std::max_element(length + o, length + o + n);
        if (first[o] == first[o + n - 1] && alike(first + o) && alike(length + o))
          L::store(y + o, L::fill(fold_run<M, T>(x + first[o],
                                                 length[o])));  // a gradient, where no window begins or ends
        else if (longest <= n / 4) L::store(y + o, tree<n / 4>(x, first + o, length + o));
        else if (longest <= n / 2) L::store(y + o, tree<n / 2>(x, first + o, length + o));
        else if (longest <= n) L::store(y + o, tree<n>(x, first + o, length + o));
        else each(x, first + o, length + o, n, y + o);
      }
    each(x, first + o, length + o, windows - o, y + o);
  }

 private:
  static bool alike(const Index* v) { return std::equal(v + 1, v + n, v); }
  static void each(const T* x, const Index* first, const Index* length, Index windows, T* y) {
    for (Index o = 0; o < windows; ++o) y[o] = fold_run<M, T>(x + first[o], length[o]);
  }

#if ANYPOOL_MASKED
  // Run r·wide + j lies in lanes r·wide … of vector j: so the tree leaves every run in a lane of its own
  // number.
  template <Index wide>
  static ANYPOOL_INLINE V tree(const T* x, const Index* first, const Index* length) {
    V v[wide];
#pragma GCC unroll 16
    for (Index j = 0; j < wide; ++j) {
      v[j] = L::fill(M::nothing);
#pragma GCC unroll 4
      for (Index r = 0; r < n; r += wide) v[j] = load(v[j], x + first[r + j], length[r + j], r);
    }
    return M::merge(L::fill(M::nothing), halved<wide / 2>(v));  // as fold_run does: a sum of -0 is 0
  }
  // The first `count` numbers, in lanes from `at` on; the others stay. No other byte of memory is touched.
  static ANYPOOL_INLINE V load(V v, const T* p, Index count, Index at) {
    const auto mask = _bzhi_u32(~0u, unsigned(count)) << at;
    if constexpr (sizeof(T) == 4) return (V)_mm512_mask_loadu_epi32((__m512i)v, __mmask16(mask), p - at);
    else return (V)_mm512_mask_loadu_epi64((__m512i)v, __mmask8(mask), p - at);
  }
  // Lanes `apart` from each other merged, of two vectors into one, until one is left: the order of fold_run's
  // halves.
  template <Index apart>
  static ANYPOOL_INLINE V halved(V* v) {
    if constexpr (apart == 0) return v[0];
    else {
#pragma GCC unroll 8
      for (Index j = 0; j < apart; ++j)
        v[j] = merged<apart>(v[j], v[j + apart], std::make_integer_sequence<int, int(n)>{});
      return halved<apart / 2>(v);
    }
  }
  template <int apart, int... i>
  static ANYPOOL_INLINE V merged(V a, V b, std::integer_sequence<int, i...>) {
    return M::merge(__builtin_shufflevector(a, b, ((i & ~apart) + (i & apart ? int(n) : 0))...),
                    __builtin_shufflevector(a, b, ((i | apart) + (i & apart ? int(n) : 0))...));
  }
#endif
};

// Windows of any places: window o begins at `first`[o] and holds `length`[o] elements `step` apart, of `c`
// lanes each.
template <class M, class T>
void fold_runs(const T* row, const Index* first, const Index* length, Index windows, Index step, Index c,
               T* result) {
  if (c == 1 && step == 1) return ShortRuns<M, T>::fold(row, first, length, windows, result);
  for (Index o = 0; o < windows; ++o, result += c) {
    const Index k = length[o];
    const T* p = row + first[o] * c;
    if (k > most_in_a_row) fold_many<M, T>(p, step * c, k, result, c);
    else
      for (Index j = 0; j < c; ++j) {
        T v = k ? p[j] : M::nothing;
        for (Index t = 1; t < k; ++t) v = M::merge(v, p[j + t * step * c]);
        result[j] = v;
      }
  }
}
}  // namespace anypool::ANYPOOL_ISA
