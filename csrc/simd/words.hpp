// Lanes: a vector of T as wide as the instruction set, and the few words that kernels are written in.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#if defined(__AVX512BW__) || defined(__F16C__) || defined(__AVX2__)
#include <immintrin.h>
#endif

// The address sanitizer does not watch masked loads and stores: under it, the bytes are copied instead.
#if defined(__AVX512BW__) && !defined(__SANITIZE_ADDRESS__)
#define ANYPOOL_MASKED (ANYPOOL_LANES_BYTES == 64)
#else
#define ANYPOOL_MASKED 0
#endif
#define ANYPOOL_INLINE inline __attribute__((always_inline))
#define ANYPOOL_FLAT __attribute__((always_inline))  // of a lambda

namespace anypool::ANYPOOL_ISA {
using Index = std::int64_t;

template <class T>
struct Lanes {
  static constexpr Index n = ANYPOOL_LANES_BYTES / sizeof(T);
  typedef T V __attribute__((vector_size(ANYPOOL_LANES_BYTES)));
  typedef T U __attribute__((vector_size(ANYPOOL_LANES_BYTES), aligned(alignof(T)), may_alias));
  static ANYPOOL_INLINE V load(const T* p) { return *reinterpret_cast<const U*>(p); }
  static ANYPOOL_INLINE void store(T* p, V v) { *reinterpret_cast<U*>(p) = v; }
  static ANYPOOL_INLINE V fill(T s) { return s - V{}; }
#if ANYPOOL_MASKED
  // The bytes of the first `count` lanes, 0 … n.
  static ANYPOOL_INLINE __mmask64 first(Index count) { return _bzhi_u64(~0ull, unsigned(count * sizeof(T))); }
#endif
  // The first `count` lanes (all, where there are more); no other byte of memory is touched.
  static ANYPOOL_INLINE V load(const T* p, Index count) {
    if (count >= n) return load(p);
    if (count <= 0) return V{};
#if ANYPOOL_MASKED
    return (V)_mm512_maskz_loadu_epi8(first(count), p);
#endif
    V v{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"  // GCC 12 for arm64 forgets that count < n
#pragma GCC diagnostic ignored "-Wstringop-overflow"
    std::memcpy(&v, p, count * sizeof(T));
#pragma GCC diagnostic pop
    return v;
  }
  static ANYPOOL_INLINE void store(T* p, V v, Index count) {
    if (count >= n) return store(p, v);
    if (count <= 0) return;
#if ANYPOOL_MASKED
    return _mm512_mask_storeu_epi8(p, first(count), (__m512i)v);
#endif
    std::memcpy(p, &v, count * sizeof(T));
  }
};

// Rows are read and written a few at a time, which the hardware does not foresee: ask for the lines that come
// next. Measured on 112-wide rows: 2x2/2 3.9 -> 1.9 ms, 3x3/1 6.9 -> 3.8 ms.
template <int write>
ANYPOOL_INLINE void ask(const void* p, Index distance, Index bytes) {
  const char* at = static_cast<const char*>(p) + distance;
  for (Index i = 0; i < bytes; i += 64) __builtin_prefetch(at + i, write);
}

// body(i, lanes): whole vectors, then what is left.
template <class T, class Body>
ANYPOOL_INLINE void each(Index lanes, Body body) {
  constexpr Index n = Lanes<T>::n;
  Index i = 0;
  for (; i + n <= lanes; i += n) body(i, std::integral_constant<Index, n>{});
  if (i < lanes) body(i, lanes - i);
}
// Loads and stores that know whether their vector is whole.
template <class T, Index whole>
ANYPOOL_INLINE auto get(const T* p, std::integral_constant<Index, whole>) {
  return Lanes<T>::load(p);
}
template <class T>
ANYPOOL_INLINE auto get(const T* p, Index count) {
  return Lanes<T>::load(p, count);
}
template <class T, Index whole>
ANYPOOL_INLINE void put(T* p, typename Lanes<T>::V v, std::integral_constant<Index, whole>) {
  Lanes<T>::store(p, v);
}
template <class T>
ANYPOOL_INLINE void put(T* p, typename Lanes<T>::V v, Index count) {
  Lanes<T>::store(p, v, count);
}

// Which of the next lanes of A have a weight that is not 0, from weights of bytes or of A.
template <class A, class W, class Whole>
ANYPOOL_INLINE auto nonzero(const W* w, Whole whole) {
  if constexpr (std::is_same_v<A, W>) return get(w, whole) != 0;
  else if constexpr (sizeof(A) == 1) return get(reinterpret_cast<const A*>(w), whole) != 0;
  else {
    static_assert(sizeof(W) == 1);
    using I = decltype(typename Lanes<A>::V{} != 0);
    constexpr Index n = Lanes<A>::n;
    constexpr bool all = !std::is_same_v<Whole, Index>;  // a vector that is whole is read at once: stores
                                                         // would not be forwarded
    alignas(16) unsigned char part[all ? 1 : std::max<Index>(n, 16)];
    const void* bytes = w;
    if constexpr (!all) std::memset(part, 0, sizeof part), std::memcpy(part, w, whole), bytes = part;
    I wide{};
#if defined(__AVX512BW__)
    if constexpr (sizeof(A) == 2) wide = (I)_mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i*)bytes));
    else if constexpr (sizeof(A) == 4) wide = (I)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)bytes));
    else wide = (I)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i*)bytes));
#elif defined(__AVX2__)
    if constexpr (sizeof(A) == 2) wide = (I)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i*)bytes));
    else if constexpr (sizeof(A) == 4) wide = (I)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)bytes));
    else wide = (I)_mm256_cvtepu8_epi64(_mm_loadu_si32(bytes));
#else
    for (Index i = 0; i < n; ++i) wide[i] = static_cast<const unsigned char*>(bytes)[i];
#endif
    return wide != 0;
  }
}
// Whether a comparison is true in some lane.
template <class I>
ANYPOOL_INLINE bool any(I found) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask((__m512i)found, (__m512i)found);
#elif defined(__AVX__)
  return !_mm256_testz_si256((__m256i)found, (__m256i)found);
#else
  std::uint64_t part[ANYPOOL_LANES_BYTES / 8], all = 0;
  std::memcpy(part, &found, sizeof found);
  for (const std::uint64_t bits : part) all |= bits;
  return all;
#endif
}

// Lanes of two vectors one after the other, wherever `at` says; where an instruction does it.
#ifdef __AVX512F__
template <class T>
constexpr bool picks = sizeof(T) == 4;
#else
template <class T>
constexpr bool picks = false;
#endif
template <class T>
ANYPOOL_INLINE
    typename Lanes<T>::V picked(typename Lanes<T>::V a, typename Lanes<T>::V b, Lanes<std::int32_t>::V at) {
#ifdef __AVX512F__
  return (typename Lanes<T>::V)_mm512_permutex2var_epi32((__m512i)a, (__m512i)at, (__m512i)b);
#else
  return at[0] ? b : a;
#endif
}

// Lanes 0, 2, 4 … (odd = 0) or 1, 3, 5 … (odd = 1) of two vectors one after the other.
template <class T, int odd, int... i>
ANYPOOL_INLINE auto every_other(typename Lanes<T>::V a, typename Lanes<T>::V b,
                                std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, (2 * i + odd)...);
}
template <class T, int odd>
ANYPOOL_INLINE auto every_other(typename Lanes<T>::V a, typename Lanes<T>::V b) {
  return every_other<T, odd>(a, b, std::make_integer_sequence<int, int(Lanes<T>::n)>{});
}
}  // namespace anypool::ANYPOOL_ISA
