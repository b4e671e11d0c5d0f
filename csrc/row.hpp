// Horizontal folds: windows along one row of lanes.
#pragma once
#include "rows.hpp"

namespace anypool::ANYPOOL_ISA {
template <class R, class T>
ANYPOOL_INLINE void put(T* y, Index i, typename Lanes<T>::V v, const T* counts, T n) {
  using L = Lanes<T>;
  if constexpr (R::divides) v = v / (L::load(counts + i) * n);
  L::store(y + i, v);
}

// i = 0, n, 2n …; the last vector ends where the row ends, so that nothing is stored beyond it.
template <class T, class Body>
ANYPOOL_INLINE void each_result(Index out, Body body) {
  constexpr Index n = Lanes<T>::n;
  Index i = 0;
  for (; i + n <= out; i += n) body(i);
  if (i < out) body(out > n ? out - n : 0);
}

// out lanes of K taps, `distance` lanes apart; rows and y hold slack for a whole vector past the end.
template <class R, class T, int K, int stride>
ANYPOOL_INLINE void taps(const T* b, Index distance, T* y, Index out, const T* counts, T n) {
  using L = Lanes<T>;
  each_result<T>(out, [&](Index i) {
    typename L::V v;
    if constexpr (stride == 1) {
      v = L::load(b + i);
#pragma GCC unroll 8
      for (int t = 1; t < K; ++t) v = R::merge(v, L::load(b + i + t * distance));
    } else {  // two apart: taps come in pairs from the same two vectors (distance 1)
#pragma GCC unroll 4
      for (int t = 0; t < K; t += 2) {
        auto low = L::load(b + 2 * i + t), high = L::load(b + 2 * i + t + L::n);
        auto even = every_other<T, 0>(low, high);
        v = t ? R::merge(v, even) : even;
        if (t + 1 < K) v = R::merge(v, every_other<T, 1>(low, high));
      }
    }
    put<R, T>(y, i, v, counts, n);
  });
}

template <class R, class T, int stride>
void few_taps(const T* b, Index k, Index distance, T* y, Index out, const T* counts, T n) {
  switch (k) {
    case 1: return taps<R, T, 1, stride>(b, distance, y, out, counts, n);
    case 2: return taps<R, T, 2, stride>(b, distance, y, out, counts, n);
    case 3: return taps<R, T, 3, stride>(b, distance, y, out, counts, n);
    case 4: return taps<R, T, 4, stride>(b, distance, y, out, counts, n);
    case 5: return taps<R, T, 5, stride>(b, distance, y, out, counts, n);
    case 6: return taps<R, T, 6, stride>(b, distance, y, out, counts, n);
    case 7: return taps<R, T, 7, stride>(b, distance, y, out, counts, n);
    default: return taps<R, T, 8, stride>(b, distance, y, out, counts, n);
  }
}

// Runs of 1, 2, 4 … are joined level by level; a window is the sum of its binary digits, or two runs that overlap.
template <class R, class T>
void many_taps(const T* b, Index k, Index distance, T* y, Index out, const T* counts, T n, T* scratch, Index width) {
  using L = Lanes<T>;
  const T* part[64];
  int parts = 0;
  Index run = 1, lanes = out + (k - 1) * distance, done = 0;
  const T* level = b;
  T* next = scratch;
  for (;; run *= 2) {
    if (!R::idempotent && (k & run)) part[parts++] = level + done * distance, done += run;
    if (run * 2 > k) break;
    lanes -= run * distance;
    for (Index i = 0; i < lanes; i += L::n) L::store(next + i, R::merge(L::load(level + i), L::load(level + i + run * distance)));
    level = next;
    next += width;
  }
  if (R::idempotent) part[parts++] = level, part[parts++] = level + (k - run) * distance;
  each_result<T>(out, [&](Index i) {
    auto v = L::load(part[0] + i);
    for (int p = 1; p < parts; ++p) v = R::merge(v, L::load(part[p] + i));
    put<R, T>(y, i, v, counts, n);
  });
}

// One run of n contiguous elements: four accumulators, in blocks so that long sums stay accurate.
template <class R, class T>
T fold_run(const T* x, Index n) {
  using L = Lanes<T>;
  T total = R::template nothing<T>();
  Index i = 0;
  while (n - i >= 4 * L::n) {
    typename L::V a[4] = {L::load(x + i), L::load(x + i + L::n), L::load(x + i + 2 * L::n), L::load(x + i + 3 * L::n)};
    Index end = std::min(n, i + 64 * L::n);
    for (i += 4 * L::n; i + 4 * L::n <= end; i += 4 * L::n)
      for (int u = 0; u < 4; ++u) a[u] = R::merge(a[u], L::load(x + i + u * L::n));
    auto v = R::merge(R::merge(a[0], a[1]), R::merge(a[2], a[3]));
    T part = v[0];
    for (int u = 1; u < L::n; ++u) part = R::merge(part, T(v[u]));
    total = R::merge(total, part);
  }
  for (; i < n; ++i) total = R::merge(total, x[i]);
  return total;
}
}  // namespace anypool::ANYPOOL_ISA
