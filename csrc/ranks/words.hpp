// The words that networks are written in.
#pragma once
#include <cstddef>

#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
template <class V>
ANYPOOL_INLINE V lesser(V a, V b) {
  return a < b ? a : b;
}
template <class V>
ANYPOOL_INLINE V greater(V a, V b) {
  return a > b ? a : b;
}
template <class V>
ANYPOOL_INLINE void order(V& a, V& b) {
  const V low = lesser(a, b);
  b = greater(a, b);
  a = low;
}
// The longest run of equal ones among sorted values, the first of those as long.
template <class V, std::size_t n>
ANYPOOL_INLINE V vote(const V (&v)[n]) {
  using M = decltype(V{} == V{});
  V best = v[0];
  M run = M{} + 1, most = run;
#pragma GCC unroll 32
  for (std::size_t r = 1; r < n; ++r) {
    run = (run & (v[r] == v[r - 1])) + 1;
    const M wins = run > most;
    best = wins ? v[r] : best;
    most = wins ? run : most;
  }
  return best;
}
// A generated network that runs in place of the machine: its loops, its outputs, its rows of scratch.
template <class T>
struct Straight {
  void (*run)(const T* staged, T* scratch, Index unit, Index lanes) = nullptr;
  const std::int32_t* outputs = nullptr;
  Index rows = 0;
};
template <class T>
Straight<T> straight_network(std::uint64_t key);
}  // namespace anypool::ANYPOOL_ISA
