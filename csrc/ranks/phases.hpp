// Rows into phases and back: lane i of phase c is element i*M + c, as keys.
#pragma once
#include <algorithm>

#include "ranks/keys.hpp"

namespace anypool::ANYPOOL_ISA {
// M vectors of consecutive elements as M phases, by halves.
template <class S, int M>
ANYPOOL_INLINE void deal(typename Lanes<S>::V (&v)[M]) {
  if constexpr (M > 1) {
    typename Lanes<S>::V even[M / 2], odd[M / 2];
    for (int i = 0; i < M / 2; ++i)
      even[i] = every_other<S, 0>(v[2 * i], v[2 * i + 1]), odd[i] = every_other<S, 1>(v[2 * i], v[2 * i + 1]);
    deal<S, M / 2>(even), deal<S, M / 2>(odd);
    for (int i = 0; i < M / 2; ++i) v[2 * i] = even[i], v[2 * i + 1] = odd[i];
  }
}
template <class T, int half, int... k>
ANYPOOL_INLINE auto in_turn(typename Lanes<T>::V a, typename Lanes<T>::V b,
                            std::integer_sequence<int, k...>) {
  constexpr int n = Lanes<T>::n;
  return __builtin_shufflevector(a, b, (half * n / 2 + k / 2 + k % 2 * n)...);
}
template <class T, int M>
ANYPOOL_INLINE void gather(typename Lanes<T>::V (&v)[M]) {
  if constexpr (M > 1) {
    constexpr auto lanes = std::make_integer_sequence<int, int(Lanes<T>::n)>{};
    typename Lanes<T>::V even[M / 2], odd[M / 2];
    for (int i = 0; i < M / 2; ++i) even[i] = v[2 * i], odd[i] = v[2 * i + 1];
    gather<T, M / 2>(even), gather<T, M / 2>(odd);
    for (int i = 0; i < M / 2; ++i)
      v[2 * i] = in_turn<T, 0>(even[i], odd[i], lanes), v[2 * i + 1] = in_turn<T, 1>(even[i], odd[i], lanes);
  }
}

// A vector of elements as keys; a NaN leaves its mark in `seen`.
template <class K, class V, class M>
ANYPOOL_INLINE auto key_lanes(V x, M& seen) {
  if constexpr (K::floats) {
    const auto wrong = x != x;
    seen |= wrong;
    if constexpr (std::is_same_v<typename K::Lane, std::int32_t>) {
      using I = typename Lanes<std::int32_t>::V;
      const I b = (I)x, k = b ^ ((b >> 31) & 0x7fffffff);
      return I(wrong ? I{} + 0x7fffffff : k);
    } else return x;
  } else return x;
}
template <class S, class K>
constexpr bool keyed_by_lanes =
    std::is_same_v<S, float> || (std::is_integral_v<S> && std::is_same_v<S, typename K::Lane>);

// Blocks of M vectors, the last of them over the one before, so that few elements are left: whole phases are.
template <int M, int lanes, class Body>
ANYPOOL_INLINE void in_blocks(Index n, Index& done, Body body) {
  constexpr Index block = M * lanes;
  const Index end = n / M * M;
  if (end < block) return;
  for (Index at = 0; done < end; at = std::min(at + block, end - block)) body(at), done = at + block;
}

template <int M, class K, class S, class T>
bool apart(const S* x, Index n, T* d, Index pitch) {
  using L = Lanes<S>;
  Index done = 0;
  bool nan = false;
  if constexpr (keyed_by_lanes<S, K> && (M & (M - 1)) == 0 && M <= 8) {
    decltype(typename L::V{} == typename L::V{}) seen{};
    in_blocks<M, L::n>(n, done, [&](Index at) __attribute__((always_inline)) {
      typename L::V v[M];
      for (int c = 0; c < M; ++c) v[c] = L::load(x + at + c * L::n);
      deal<S, M>(v);
      for (int c = 0; c < M; ++c) Lanes<T>::store(d + c * pitch + at / M, key_lanes<K>(v[c], seen));
    });
    if constexpr (K::floats)
      for (int k = 0; k < L::n; ++k) nan |= seen[k] != 0;
  }
  for (Index i = done; i < n; ++i) {
    if constexpr (K::floats) nan |= is_nan(x[i]);
    d[i % M * pitch + i / M] = K::in(x[i]);
  }
  return nan;
}
template <int M, class T>
void together(const T* const* row, Index n, T* d) {
  using L = Lanes<T>;
  Index done = 0;
  if constexpr (M <= 8)
    in_blocks<M, L::n>(n, done, [&](Index at) __attribute__((always_inline)) {
      typename L::V v[M];
      for (int c = 0; c < M; ++c) v[c] = L::load(row[c] + at / M);
      gather<T, M>(v);
      for (int c = 0; c < M; ++c) L::store(d + at + c * L::n, v[c]);
    });
  for (Index i = done; i < n; ++i) d[i] = row[i % M][i / M];
}
}  // namespace anypool::ANYPOOL_ISA
