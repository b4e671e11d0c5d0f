// Elements put in order by their digits of eight bits, the lowest first: a sort whose work grows with the
// elements alone.
#pragma once
#include <array>
#include <utility>

#include "ranks/keys.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// Numbers of T's width that are ordered as its lanes are.
template <class T>
ANYPOOL_INLINE auto digits(T k) {
  if constexpr (std::is_same_v<T, double>) {
    std::int64_t i;
    std::memcpy(&i, &k, 8);
    return std::uint64_t(i ^ ((i >> 63) & std::numeric_limits<std::int64_t>::max())) ^
           (std::uint64_t(1) << 63);
  } else {
    using U = std::make_unsigned_t<T>;
    return std::is_signed_v<T> ? U(U(k) ^ U(U(1) << (8 * sizeof(T) - 1))) : U(k);
  }
}

template <class T, class N>
struct Radix {
  using U = decltype(digits(T{}));
  struct Entry {
    U key;
    N element;
  };
  Array<Entry> one, other;
  explicit Radix(Index most) : one(most), other(most) {}

  // The first n entries, each element's place being its number; equal ones keep their order.
  void sort(Index n) {
    std::array<std::array<std::uint32_t, 256>, sizeof(U)> count{};
    for (Index i = 0; i < n; ++i)
      for (std::size_t b = 0; b < sizeof(U); ++b) ++count[b][std::uint8_t(one[i].key >> 8 * b)];
    for (std::size_t b = 0; b < sizeof(U); ++b) {
      if (count[b][std::uint8_t(one[0].key >> 8 * b)] == n) continue;  // all alike here
      std::uint32_t sum = 0;
      for (auto& c : count[b]) c = std::exchange(sum, sum + c);
      for (Index i = 0; i < n; ++i) other[count[b][std::uint8_t(one[i].key >> 8 * b)]++] = one[i];
      one.swap(other);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
