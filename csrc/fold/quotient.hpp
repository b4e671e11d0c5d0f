// Lanes divided by counts: the same bits as a division, without its ten and more cycles.
#pragma once

#include "simd/scratch.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
#if defined(__AVX512F__) || defined(__FMA__)
constexpr bool fuses = true;
#else
constexpr bool fuses = false;
#endif

// a·b + c, rounded once where the instruction set can.
template <class V>
ANYPOOL_INLINE V fused(V a, V b, V c) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<V, Lanes<float>::V>)
    return V(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
  if constexpr (std::is_same_v<V, Lanes<double>::V>)
    return V(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c)));
#elif defined(__FMA__)
  if constexpr (std::is_same_v<V, Lanes<float>::V>)
    return V(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
  if constexpr (std::is_same_v<V, Lanes<double>::V>)
    return V(_mm256_fmadd_pd(__m256d(a), __m256d(b), __m256d(c)));
#endif
  return a * b + c;
}

// a / n, given share = 1 / n: the product is corrected by its own error (Markstein 1990). For whole n below
// 2^22 that is the rounded quotient, but for the last bit of denormal ones; where the error is no number (a
// is infinite or none), the product is right.
template <class V>
ANYPOOL_INLINE V quotient(V a, V n, V share) {
  if constexpr (!fuses) return a / n;
  const V q = a * share, error = fused(-q, n, a), exact = fused(error, share, q);
  return error == error ? exact : q;
}

// a / b for b of ordinary size, to a unit in the last place: an estimate of 1 / b, improved once, and the
// quotient corrected.
template <class V>
ANYPOOL_INLINE V ratio(V a, V b) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<V, Lanes<float>::V>) {
    const V guess = V(_mm512_maskz_rcp14_ps(__mmask16(-1), __m512(b)));
    return quotient(a, b, fused(fused(-guess, b, Lanes<float>::fill(1)), guess, guess));
  }
#endif
  return a / b;
}

// Whether `quotient` may divide by this number.
template <class T>
constexpr bool shares(T n) {
  return n >= 1 && n < T(1 << 22) && n == T(int(n));
}

// to = from / n.
template <class T>
void divide(const T* from, T* to, Index lanes, T n) {
  using L = Lanes<T>;
  const auto all = L::fill(n), share = L::fill(T(1) / n);
  if (fuses && shares(n))
    each<T>(lanes,
            [&](Index i, auto whole) { put(to + i, quotient(get(from + i, whole), all, share), whole); });
  else each<T>(lanes, [&](Index i, auto whole) { put(to + i, get(from + i, whole) / all, whole); });
}

// to = from / (counts · n), `wide` lanes a window, where no table of lanes would be read twice:
// 10^6 segments of 16 lanes took 25 ms to tabulate and 18 to add.
template <class T>
void divide_once(const T* from, T* to, Index windows, Index wide, const double* counts, T n) {
  for (Index o = 0; wide == 1 && o < windows; ++o) to[o] = from[o] / (T(counts[o]) * n);
  for (Index o = 0; wide > 1 && o < windows; ++o)
    divide(from + o * wide, to + o * wide, wide, T(counts[o]) * n);
}

// Counts and their shares, a lane each, for rows of windows: a plane's edges have others than its middle, and
// come again.
template <class T>
struct Divisors {
  struct Table {
    Array<T> count, share;
    const T* of = nullptr;  // what it was made of: counts, times n
    T times = 0;
    bool whole = false;
  };
  Table tables[4];
  int oldest = 0;
  void forget() {
    for (Table& t : tables) t.of = nullptr;
  }
  // to = from / (counts · n).
  void divide(const T* from, T* to, Index lanes, const T* counts, T n) {
    const Table& t = table(lanes, counts, n);
    const T *c = t.count.data(), *s = t.share.data();
    if (fuses && t.whole)
      each<T>(lanes, [=](Index i, auto full) {
        put(to + i, quotient(get(from + i, full), get(c + i, full), get(s + i, full)), full);
      });
    else
      each<T>(lanes, [=](Index i, auto full) { put(to + i, get(from + i, full) / get(c + i, full), full); });
  }
  const Table& table(Index lanes, const T* counts, T n) {
    for (const Table& t : tables)
      if (t.of == counts && t.times == n && Index(t.count.size()) >= lanes) return t;
    Table& made = tables[oldest];
    oldest = (oldest + 1) % 4;
    made.of = counts, made.times = n, made.whole = true;
    made.count.resize(lanes), made.share.resize(lanes);
    for (Index i = 0; i < lanes; ++i)
      made.count[i] = counts[i] * n, made.share[i] = T(1) / made.count[i],
      made.whole &= shares(made.count[i]) || made.count[i] == 0;
    return made;
  }
};
}  // namespace anypool::ANYPOOL_ISA
