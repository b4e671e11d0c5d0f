// Vertical folds: whole rows of lanes merged into one row.
#pragma once
#include <algorithm>

#include "fold/merges.hpp"

namespace anypool::ANYPOOL_ISA {
// Rows of numbers: row r begins at p + r*pitch.
template <class T>
struct Rows {
  T* p;
  Index pitch, count;
};

// A number of 1 … 8 that is known when a kernel is compiled for the types that are benchmarked in the cache,
// so that its loop is written out; for the others when it runs: those wait for memory.
template <int n>
using Known = std::integral_constant<int, n>;
template <class T, class F>
ANYPOOL_INLINE void with_few(Index k, F f) {
  if constexpr (!std::is_same_v<T, float> && !std::is_same_v<T, std::uint8_t>) return f(int(k));
  else switch (k) {
      case 1: return f(Known<1>{});
      case 2: return f(Known<2>{});
      case 3: return f(Known<3>{});
      case 4: return f(Known<4>{});
      case 5: return f(Known<5>{});
      case 6: return f(Known<6>{});
      case 7: return f(Known<7>{});
      default: return f(Known<8>{});
    }
}

// dst = the fold of k rows, and of `before` where there is one.
template <class M, class T, bool Before, class K>
void fold_rows(const T* before, const T* row, K k, Index distance, T* dst, Index lanes) {
  each<T>(lanes, [&](Index i, auto whole) {
    auto value = get(row + i, whole);
    for (int t = 1, few = k; t < few; ++t) value = M::merge(value, get(row + i + t * distance, whole));
    if constexpr (Before) value = M::merge(get(before + i, whole), value);
    put(dst + i, value, whole);
  });
}

template <class M, class T, bool Before>
void fold_few(const T* before, const T* row, Index distance, Index k, T* dst, Index lanes) {
  with_few<T>(k, [&](auto few) { fold_rows<M, T, Before>(before, row, few, distance, dst, lanes); });
}

// Two windows of k rows, the second one row further: what they share is merged once.
template <class M, class T, class K>
void fold_two(const T* row, K k, T* dst, Index pitch, Index lanes) {
  each<T>(lanes, [&](Index i, auto whole) {
    auto shared = get(row + i + lanes, whole);
    for (int t = 2, few = k; t < few; ++t) shared = M::merge(shared, get(row + i + t * lanes, whole));
    put(dst + i, M::merge(get(row + i, whole), shared), whole);
    put(dst + i + pitch, M::merge(shared, get(row + i + k * lanes, whole)), whole);
  });
}

template <class M, class T>
void fold_pair(const T* row, Index k, T* dst, Index pitch, Index lanes) {
  with_few<T>(k, [&](auto few) { fold_two<M, T>(row, few, dst, pitch, lanes); });
}

// Few lanes and many rows: the partial results stay in registers. Blocks of 64 rows, and halves of very many,
// keep long sums accurate.
template <class M, class T, int vectors>
void fold_column(const T* row, Index distance, Index k, T* dst, Index lanes) {
  using L = Lanes<T>;
  if (k > 4096) {
    alignas(64) T rest[vectors * L::n];
    fold_column<M, T, vectors>(row, distance, k / 2, dst, lanes);
    fold_column<M, T, vectors>(row + k / 2 * distance, distance, k - k / 2, rest, lanes);
    return fold_rows<M, T, true>(dst, rest, Known<1>{}, 0, dst, lanes);
  }
  typename L::V total[vectors]{};
  for (Index r = 0; r < k; r += 64) {
    typename L::V part[vectors]{};
    const T* p = row + r * distance;
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) part[v] = L::load(p + v * L::n, lanes - v * L::n);
    for (Index t = 1; t < std::min<Index>(64, k - r); ++t) {
      p += distance;
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) part[v] = M::merge(part[v], L::load(p + v * L::n, lanes - v * L::n));
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) total[v] = r ? M::merge(total[v], part[v]) : part[v];
  }
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v)
    if (lanes > v * L::n) put(dst + v * L::n, total[v], std::min<Index>(L::n, lanes - v * L::n));
}

// Any number of rows (at least one).
template <class M, class T>
void fold_many(const T* row, Index distance, Index k, T* dst, Index lanes) {
  constexpr Index n = Lanes<T>::n;
  if (k <= 8) return fold_few<M, T, false>(nullptr, row, distance, k, dst, lanes);
  if (lanes <= n) return fold_column<M, T, 1>(row, distance, k, dst, lanes);
  if (lanes <= 2 * n) return fold_column<M, T, 2>(row, distance, k, dst, lanes);
  if (lanes <= 4 * n) return fold_column<M, T, 4>(row, distance, k, dst, lanes);
  if (lanes <= 8 * n) return fold_column<M, T, 8>(row, distance, k, dst, lanes);
  if (k <= 64) {
    fold_few<M, T, false>(nullptr, row, distance, 8, dst, lanes);
    for (Index t = 8; t < k; t += 8)
      fold_few<M, T, true>(dst, row + t * distance, distance, std::min<Index>(8, k - t), dst, lanes);
    return;
  }
  for (Index i = 0; i < lanes; i += 8 * n)
    fold_column<M, T, 8>(row + i, distance, k, dst + i, std::min(8 * n, lanes - i));
}
}  // namespace anypool::ANYPOOL_ISA
