// Lanes: a vector of T as wide as the instruction set, and the few words that folds are written in.
#pragma once
#include <cstdint>
#include <limits>

#define ANYPOOL_INLINE inline __attribute__((always_inline))

namespace anypool::ANYPOOL_ISA {
template <class T>
struct Lanes {
  static constexpr int n = ANYPOOL_LANES_BYTES / sizeof(T);
  typedef T V __attribute__((vector_size(ANYPOOL_LANES_BYTES)));
  typedef T U __attribute__((vector_size(ANYPOOL_LANES_BYTES), aligned(alignof(T)), may_alias));
  static ANYPOOL_INLINE V load(const T* p) { return *reinterpret_cast<const U*>(p); }
  static ANYPOOL_INLINE void store(T* p, V v) { *reinterpret_cast<U*>(p) = v; }
  static ANYPOOL_INLINE V fill(T s) { return s - V{}; }
};

// Lanes 0, 2, 4 … and 1, 3, 5 … of two vectors one after the other.
template <class T, int odd>
ANYPOOL_INLINE typename Lanes<T>::V every_other(typename Lanes<T>::V a, typename Lanes<T>::V b) {
  if constexpr (Lanes<T>::n == 2) return __builtin_shufflevector(a, b, odd, odd + 2);
  else if constexpr (Lanes<T>::n == 4) return __builtin_shufflevector(a, b, odd, odd + 2, odd + 4, odd + 6);
  else if constexpr (Lanes<T>::n == 8)
    return __builtin_shufflevector(a, b, odd, odd + 2, odd + 4, odd + 6, odd + 8, odd + 10, odd + 12, odd + 14);
  else
    return __builtin_shufflevector(a, b, odd, odd + 2, odd + 4, odd + 6, odd + 8, odd + 10, odd + 12, odd + 14, odd + 16,
                                   odd + 18, odd + 20, odd + 22, odd + 24, odd + 26, odd + 28, odd + 30);
}
}  // namespace anypool::ANYPOOL_ISA
