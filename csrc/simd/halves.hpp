// Half-precision numbers as bits, to and from float, a row at a time.
#pragma once
#include <bit>

#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
struct Half {
  std::uint16_t bits;
};
struct Brain {
  std::uint16_t bits;
};

ANYPOOL_INLINE float number(Brain b) { return std::bit_cast<float>(std::uint32_t(b.bits) << 16); }
ANYPOOL_INLINE float number(Half h) {
  const std::uint32_t sign = std::uint32_t(h.bits & 0x8000) << 16, rest = std::uint32_t(h.bits & 0x7fff)
                                                                          << 13;
  if (rest >= 0x0f800000) return std::bit_cast<float>(sign | (rest + 0x70000000));  // infinity and NaN
  // 2^112 moves the exponent, and makes a denormal half a normal float
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) * 0x1p112f));
}
template <class T>
ANYPOOL_INLINE T number(T x) {
  return x;
}

ANYPOOL_INLINE void narrow(float x, Brain& b) {  // to nearest, ties to even; a NaN stays one
  const std::uint32_t u = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16, quiet = (u >> 16) | 0x40;
  b.bits = std::uint16_t((u & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}
ANYPOOL_INLINE void narrow(float x, Half& h) {
  const std::uint32_t u = std::bit_cast<std::uint32_t>(x), sign = (u >> 16) & 0x8000, size = u & 0x7fffffff;
  std::uint32_t r;
  if (size > 0x7f800000) r = 0x7e00;
  else if (size >= 0x477ff000) r = 0x7c00;
  else if (size < 0x38800000)
    r = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5f) - 0x3f000000;
  else r = (size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13;
  h.bits = std::uint16_t(sign | r);
}
template <class A, class T>
ANYPOOL_INLINE void narrow(A x, T& t) {
  if constexpr (std::is_arithmetic_v<T>) t = T(x);
  else narrow(float(x), t);
}

template <class T, class A>
void widen(const T* x, A* y, Index n) {
  Index i = 0;
#ifdef __F16C__
  if constexpr (std::is_same_v<T, Half> && std::is_same_v<A, float>)
    for (; i + 8 <= n; i += 8)
      _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
#endif
  for (; i < n; ++i) y[i] = A(number(x[i]));
}
template <class A, class T>
void narrow(const A* x, T* y, Index n) {
  Index i = 0;
#ifdef __F16C__
  if constexpr (std::is_same_v<T, Half> && std::is_same_v<A, float>)
    for (; i + 8 <= n; i += 8)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i),
                       _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i < n; ++i) narrow(x[i], y[i]);
}
}  // namespace anypool::ANYPOOL_ISA
