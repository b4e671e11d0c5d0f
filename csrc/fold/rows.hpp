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

// dst = the fold of K rows, and of `before` where there is one.
template <class M, class T, int K, bool Before>
void fold_rows(const T* before, const T* row, Index distance, T* dst, Index lanes) {
  each<T>(lanes, [&](Index i, auto whole) {
    auto value = get(row + i, whole);
#pragma GCC unroll 8
    for (int t = 1; t < K; ++t) value = M::merge(value, get(row + i + t * distance, whole));
    if constexpr (Before) value = M::merge(get(before + i, whole), value);
    put(dst + i, value, whole);
  });
}

template <class M, class T, bool Before>
void fold_few(const T* before, const T* row, Index distance, Index k, T* dst, Index lanes) {
  switch (k) {
    case 1: return fold_rows<M, T, 1, Before>(before, row, distance, dst, lanes);
    case 2: return fold_rows<M, T, 2, Before>(before, row, distance, dst, lanes);
    case 3: return fold_rows<M, T, 3, Before>(before, row, distance, dst, lanes);
    case 4: return fold_rows<M, T, 4, Before>(before, row, distance, dst, lanes);
    case 5: return fold_rows<M, T, 5, Before>(before, row, distance, dst, lanes);
    case 6: return fold_rows<M, T, 6, Before>(before, row, distance, dst, lanes);
    case 7: return fold_rows<M, T, 7, Before>(before, row, distance, dst, lanes);
    default: return fold_rows<M, T, 8, Before>(before, row, distance, dst, lanes);
  }
}

// Two windows of K rows, the second one row further: what they share is merged once.
template <class M, class T, int K>
void fold_two(const T* row, T* dst, Index pitch, Index lanes) {
  each<T>(lanes, [&](Index i, auto whole) {
    auto shared = get(row + i + lanes, whole);
#pragma GCC unroll 8
    for (int t = 2; t < K; ++t) shared = M::merge(shared, get(row + i + t * lanes, whole));
    put(dst + i, M::merge(get(row + i, whole), shared), whole);
    put(dst + i + pitch, M::merge(shared, get(row + i + K * lanes, whole)), whole);
  });
}

template <class M, class T>
void fold_pair(const T* row, Index k, T* dst, Index pitch, Index lanes) {
  switch (k) {
    case 3: return fold_two<M, T, 3>(row, dst, pitch, lanes);
    case 4: return fold_two<M, T, 4>(row, dst, pitch, lanes);
    case 5: return fold_two<M, T, 5>(row, dst, pitch, lanes);
    case 6: return fold_two<M, T, 6>(row, dst, pitch, lanes);
    case 7: return fold_two<M, T, 7>(row, dst, pitch, lanes);
    default: return fold_two<M, T, 8>(row, dst, pitch, lanes);
  }
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
    return fold_rows<M, T, 1, true>(dst, rest, 0, dst, lanes);
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
