// Horizontal folds: windows along one row of lanes, for many rows of the same form.
#pragma once
#include "fold/rows.hpp"

namespace anypool::ANYPOOL_ISA {
// Rows of `out` lanes, each the fold of k taps `distance` lanes apart.
template <class M, class T, int stride, class K>
void taps(const T* b, Index pitch, T* y, Index y_pitch, Index rows, Index out, K k, Index distance) {
  using L = Lanes<T>;
  for (Index r = 0; r < rows; ++r, b += pitch, y += y_pitch) {
    ask<1>(y, 4096, out * Index(sizeof(T)));
    each<T>(out, [&](Index i, auto whole) {
      if constexpr (stride == 1) {
        auto v = get(b + i, whole);
        for (int t = 1, few = k; t < few; ++t) v = M::merge(v, get(b + i + t * distance, whole));
        put(y + i, v, whole);
      } else {  // two apart: taps come in pairs from the same two vectors (distance 1)
        typename L::V v{};
        Index left = 2 * Index(whole);
        for (int t = 0, few = k; t < few; t += 2) {
          const T* p = b + 2 * i + t;
          Index more = t + 1 < few ? left : left - 1;  // the last tap of an odd window has no odd partner
          auto low = L::load(p, more), high = L::load(p + L::n, more - L::n);
          auto even = every_other<T, 0>(low, high);
          v = t ? M::merge(v, even) : even;
          if (t + 1 < few) v = M::merge(v, every_other<T, 1>(low, high));
        }
        put(y + i, v, whole);
      }
    });
  }
}

template <class M, class T, int stride>
void few_taps(const T* b, Index pitch, T* y, Index y_pitch, Index rows, Index out, Index k, Index distance) {
  with_few<T>(k, [&](auto few) { taps<M, T, stride>(b, pitch, y, y_pitch, rows, out, few, distance); });
}

// One vector of runs of `together` elements side by side, of which `left` are there.
template <class M, class T, int together>
ANYPOOL_INLINE auto paired(const T* p, Index left) {
  if constexpr (together == 1) return Lanes<T>::load(p, left);
  else {
    const auto low = paired<M, T, together / 2>(p, left),
               high = paired<M, T, together / 2>(p + together / 2 * Lanes<T>::n,
                                                 left - together / 2 * Lanes<T>::n);
    return M::merge(every_other<T, 0>(low, high), every_other<T, 1>(low, high));
  }
}
template <class M, class T>
void halve(const T* b, T* y, Index out, Index together) {
  const auto all = [&]<int n>(std::integral_constant<int, n>) {
    each<T>(out,
            [&](Index i, auto whole) { put(y + i, paired<M, T, n>(b + n * i, n * Index(whole)), whole); });
  };
  if (together == 2) all(std::integral_constant<int, 2>{});
  else if (together == 4) all(std::integral_constant<int, 4>{});
  else all(std::integral_constant<int, 8>{});
}

// The last join of `many_taps`: a fixed number of partial results, so that none is looked up in the loop.
template <class M, class T, class N>
ANYPOOL_INLINE void join(const T* const* part, N parts, T* y, Index out) {
  each<T>(out, [&](Index i, auto whole) {
    auto v = get(part[0] + i, whole);
    for (int p = 1, few = parts; p < few; ++p) v = M::merge(v, get(part[p] + i, whole));
    put(y + i, v, whole);
  });
}

// Rows of windows made of `q` runs side by side, `far` lanes apart, and of what is left: one run that
// overlaps, or `rest` elements.
template <class M, class T, class Q>
void join_runs(const T* s, Index s_pitch, const T* b, Index pitch, T* y, Index y_pitch, Index rows, Index out,
               Q q, Index far, Index distance, Index rest, Index left) {
  for (Index r = 0; r < rows; ++r, s += s_pitch, b += pitch, y += y_pitch) {
    ask<1>(y, 4096, out * Index(sizeof(T)));
    each<T>(out, [&](Index i, auto whole) {
      auto v = get(s + i, whole);
      for (int t = 1, few = q; t < few; ++t) v = M::merge(v, get(s + i + t * far, whole));
      for (Index u = 0; u < rest; ++u)
        v = M::merge(v, get((M::idempotent ? s : b) + i + left + u * distance, whole));
      put(y + i, v, whole);
    });
  }
}

// Windows of 9 to 64 taps in two steps: runs of about the square root, and runs joined. Elements read and
// rows written are fewer than by doubling, which took an eighth longer (15x15/1, 31x31/1).
template <class M, class T>
void two_steps(const T* b, Index pitch, T* y, Index y_pitch, Index rows, Index out, Index k, Index distance,
               T* scratch, Index width) {
  Index run = 3, fewest = k;
  for (Index r = 3; r <= 8; ++r)
    if (const Index q = k / r, rest = k % r, steps = r + q + (M::idempotent ? rest > 0 : rest);
        q >= 2 && q <= 8 && steps < fewest)
      run = r, fewest = steps;
  const Index q = k / run, far = run * distance, rest = M::idempotent ? k % run > 0 : k % run,
              left = (M::idempotent ? k - run : q * run) * distance;
  few_taps<M, T, 1>(b, pitch, scratch, width, rows, out + (k - run) * distance, run, distance);
  with_few<T>(q, [&](auto few) {
    join_runs<M, T>(scratch, width, b, pitch, y, y_pitch, rows, out, few, far, distance, rest, left);
  });
}

// Runs of 1, 2, 4 … are joined level by level; a window is the sum of its binary digits, or two runs that
// overlap.
template <class M, class T>
void many_taps(const T* b, Index k, Index distance, T* y, Index out, T* scratch, Index width) {
  const T* part[64];
  int parts = 0;
  Index run = 1, lanes = out + (k - 1) * distance, done = 0;
  const T* level = b;
  T* next = scratch;
  for (;; run *= 2) {
    if (!M::idempotent && (k & run)) part[parts++] = level + done * distance, done += run;
    if (run * 2 > k) break;
    lanes -= run * distance;
    const T* far = level + run * distance;
    each<T>(lanes, [&](Index i, auto whole) {
      put(next + i, M::merge(get(level + i, whole), get(far + i, whole)), whole);
    });
    level = next;
    next += width;
  }
  if (M::idempotent) part[parts++] = level, part[parts++] = level + (k - run) * distance;
  with_few<T>(std::min(parts, 8), [&](auto few) { join<M, T>(part, few, y, out); });
  for (int p = 8; p < parts; ++p)
    each<T>(out, [&](Index i, auto whole) {
      put(y + i, M::merge(get(y + i, whole), get(part[p] + i, whole)), whole);
    });
}

// All lanes of a vector: halves are merged until one is left.
template <class M, class T, int w, int... i>
ANYPOOL_INLINE auto turned(typename Lanes<T>::V v, std::integer_sequence<int, i...>) {
  return M::merge(v, __builtin_shufflevector(v, v, ((i + w) % int(sizeof...(i)))...));
}
template <class M, class T, int w = int(Lanes<T>::n / 2)>
ANYPOOL_INLINE T folded(typename Lanes<T>::V v) {
  if constexpr (w == 0) return v[0];
  else return folded<M, T, w / 2>(turned<M, T, w>(v, std::make_integer_sequence<int, int(Lanes<T>::n)>{}));
}

// The first `count` lanes from memory (all, or none), and nothing in the others.
template <class M, class T, int... i>
ANYPOOL_INLINE auto some(const T* x, Index count, std::integer_sequence<int, i...>) {
  count = std::clamp<Index>(count, 0, Lanes<T>::n);
#if ANYPOOL_MASKED
  return (typename Lanes<T>::V)_mm512_mask_loadu_epi8((__m512i)Lanes<T>::fill(M::nothing),
                                                      Lanes<T>::first(count), x);
#endif
  using W =
      std::conditional_t<sizeof(T) == 1, std::int8_t,
                         std::conditional_t<sizeof(T) == 2, std::int16_t,
                                            std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>>;
  constexpr typename Lanes<W>::V place{W(i)...};
  return place < Lanes<W>::fill(W(count)) ? Lanes<T>::load(x, count) : Lanes<T>::fill(M::nothing);
}
template <class M, class T>
ANYPOOL_INLINE auto some(const T* x, Index count) {
  return some<M, T>(x, count, std::make_integer_sequence<int, int(Lanes<T>::n)>{});
}

// What whole blocks of four vectors of `runs` runs of n elements hold is merged into `total`; returns how
// many elements that were. Long runs go side by side, for a page more is waited for less: means of 1024
// planes of 50 KB, one thread, 2.1 -> 1.7 ms.
template <class M, class T, int runs>
ANYPOOL_INLINE Index fold_blocks(const T* const* x, Index n, T* total) {
  using L = Lanes<T>;
  Index i = 0;
  while (n - i >= 4 * L::n) {
    typename L::V a[runs][4];
#pragma GCC unroll 4
    for (int r = 0; r < runs; ++r)
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) a[r][u] = L::load(x[r] + i + u * L::n);
    const Index end = std::min(n, i + 64 * L::n);
    for (i += 4 * L::n; i + 4 * L::n <= end; i += 4 * L::n)
#pragma GCC unroll 4
      for (int r = 0; r < runs; ++r)
#pragma GCC unroll 4
        for (int u = 0; u < 4; ++u) a[r][u] = M::merge(a[r][u], L::load(x[r] + i + u * L::n));
#pragma GCC unroll 4
    for (int r = 0; r < runs; ++r)
      total[r] =
          M::merge(total[r], folded<M, T>(M::merge(M::merge(a[r][0], a[r][1]), M::merge(a[r][2], a[r][3]))));
  }
  return i;
}

// `total`, and the n elements of a short run or of a tail.
template <class M, class T>
ANYPOOL_INLINE T fold_tail(T total, const T* x, Index n) {
  using L = Lanes<T>;
  Index i = 0;
  // One masked vector: no branch depends on how many there are.
  if (ANYPOOL_LANES_BYTES == 64 && n < L::n) return M::merge(total, folded<M, T>(some<M, T>(x, n)));
  if (n >= L::n) {
    auto v = L::load(x);
    for (i = L::n; i + L::n <= n; i += L::n) v = M::merge(v, L::load(x + i));
    if (ANYPOOL_LANES_BYTES == 64) v = M::merge(v, some<M, T>(x + i, n - i)), i = n;
    total = M::merge(total, folded<M, T>(v));
  }
  for (; i < n; ++i) total = M::merge(total, x[i]);
  return total;
}

// One run of n contiguous elements: four partial results, in blocks, and halves of very many, so that long
// sums stay accurate.
template <class M, class T>
T fold_run(const T* x, Index n) {
  using L = Lanes<T>;
  if (const Index half = n / 2 / L::n * L::n; n > 4096 * L::n)
    return M::merge(fold_run<M, T>(x, half), fold_run<M, T>(x + half, n - half));
  T total = M::nothing;
  const Index done = fold_blocks<M, T, 1>(&x, n, &total);
  return fold_tail<M, T>(total, x + done, n - done);
}
// Runs `pitch` apart, one of each row.
template <class M, class T>
void fold_each(const T* x, Index pitch, Index n, T* y, Index y_pitch, Index rows) {
  Index r = 0;
  for (; r + 4 <= rows && n <= 4096 * Lanes<T>::n; r += 4, x += 4 * pitch) {
    const T* run[4] = {x, x + pitch, x + 2 * pitch, x + 3 * pitch};
    T total[4] = {M::nothing, M::nothing, M::nothing, M::nothing};
    const Index done = fold_blocks<M, T, 4>(run, n, total);
    for (int i = 0; i < 4; ++i) y[(r + i) * y_pitch] = fold_tail<M, T>(total[i], run[i] + done, n - done);
  }
  for (; r < rows; ++r, x += pitch) y[r * y_pitch] = fold_run<M, T>(x, n);
}
}  // namespace anypool::ANYPOOL_ISA
