// Vertical folds: whole rows of lanes merged into one row.
#pragma once
#include <algorithm>
#include <cstring>
#include <utility>

#include "folds.hpp"

namespace anypool::ANYPOOL_ISA {
using Index = std::int64_t;

// f(i) for every vector of a row; the last overlaps, so f must not work in place. Rows shorter than a vector: scalar.
template <class T, class Vector, class Scalar>
ANYPOOL_INLINE void each_lane(Index lanes, Vector vector, Scalar scalar) {
  constexpr int n = Lanes<T>::n;
  Index i = 0;
  if (lanes < n) {
    for (; i < lanes; ++i) scalar(i);
    return;
  }
  for (; i + n <= lanes; i += n) vector(i);
  if (i < lanes) vector(lanes - n);
}

// dst = the fold of K rows (and of `before`, when there is one), divided by n where the fold divides and `n` is not 0.
template <class R, class T, int K>
ANYPOOL_INLINE void fold_rows(const T* before, const T* row, Index distance, T* dst, Index lanes, T n) {
  using L = Lanes<T>;
  auto fold = [&](auto load, auto store) {
    auto value = load(row);
#pragma GCC unroll 8
    for (int t = 1; t < K; ++t) value = R::merge(value, load(row + t * distance));
    if (before) value = R::merge(load(before), value);
    if constexpr (R::divides)
      if (n != T(0)) value = value / n;
    store(value);
  };
  each_lane<T>(
      lanes, [&](Index i) { fold([&](const T* p) { return L::load(p + i); }, [&](auto v) { L::store(dst + i, v); }); },
      [&](Index i) { fold([&](const T* p) { return p[i]; }, [&](T v) { dst[i] = v; }); });
}

template <class R, class T>
void fold_few(const T* before, const T* row, Index distance, Index k, T* dst, Index lanes, T n) {
  switch (k) {
    case 1: return fold_rows<R, T, 1>(before, row, distance, dst, lanes, n);
    case 2: return fold_rows<R, T, 2>(before, row, distance, dst, lanes, n);
    case 3: return fold_rows<R, T, 3>(before, row, distance, dst, lanes, n);
    case 4: return fold_rows<R, T, 4>(before, row, distance, dst, lanes, n);
    case 5: return fold_rows<R, T, 5>(before, row, distance, dst, lanes, n);
    case 6: return fold_rows<R, T, 6>(before, row, distance, dst, lanes, n);
    case 7: return fold_rows<R, T, 7>(before, row, distance, dst, lanes, n);
    default: return fold_rows<R, T, 8>(before, row, distance, dst, lanes, n);
  }
}

// Any number of rows, eight at a time through two rows of scratch (the overlapped tail forbids working in place).
template <class R, class T>
void fold_many(const T* row, Index distance, Index k, T* dst, Index lanes, T n, T* scratch) {
  const T* before = nullptr;
  T* spare[2] = {scratch, scratch + lanes};
  for (int turn = 0; k > 8; k -= 8, row += 8 * distance, turn ^= 1) {
    fold_few<R, T>(before, row, distance, 8, spare[turn], lanes, T(0));
    before = spare[turn];
  }
  fold_few<R, T>(before, row, distance, k, dst, lanes, n);
}

template <class R, class T>
void join_rows(const T* a, const T* b, T* dst, Index lanes, T n) {  // either may be null: nothing
  if (!a) std::swap(a, b);
  fold_few<R, T>(b ? a : nullptr, b ? b : a, 0, 1, dst, lanes, n);
}
}  // namespace anypool::ANYPOOL_ISA
