// Lanes of a vector, and of rows, that fulfil a condition, written next to each other.
#pragma once
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// Writes the lanes where `here` is true, and nothing of meaning up to a whole vector; how many they are.
template <class T, class I>
ANYPOOL_INLINE Index compressed(T* to, typename Lanes<T>::V v, I here) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    const __mmask16 m = _mm512_test_epi32_mask((__m512i)here, (__m512i)here);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(m, (__m512i)v));
    return __builtin_popcount(m);
  } else if constexpr (sizeof(T) == 8) {
    const __mmask8 m = _mm512_test_epi64_mask((__m512i)here, (__m512i)here);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi64(m, (__m512i)v));
    return __builtin_popcount(m);
  }
#endif
  T lane[Lanes<T>::n];
  std::make_signed_t<T> is[Lanes<T>::n];
  std::memcpy(lane, &v, sizeof v), std::memcpy(is, &here, sizeof here);
  Index n = 0;
  for (Index i = 0; i < Lanes<T>::n; ++i) to[n] = lane[i], n -= is[i];
  return n;
}
}  // namespace anypool::ANYPOOL_ISA
