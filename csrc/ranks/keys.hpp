// Elements as keys whose order is the elements' order, NaN above all, and back.
#pragma once
#include <cmath>
#include <cstring>
#include <limits>

#include "simd/halves.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
template <class S>
struct Keys {  // unsigned bytes and words, signed 32 and 64 bits: themselves
  using Lane = S;
  using Real = double;
  static constexpr bool floats = false;
  static ANYPOOL_INLINE Lane in(S x) { return x; }
  static ANYPOOL_INLINE S out(Lane k) { return k; }
  static ANYPOOL_INLINE double real(Lane k) { return double(out(k)); }
  static ANYPOOL_INLINE S last() { return std::numeric_limits<S>::max(); }  // sorts behind every element
};
template <class S, class L>
struct Flipped {  // the other signedness: its top bit flipped
  using Lane = L;
  using Real = double;
  static constexpr bool floats = false;
  static constexpr L top = L(L(1) << (8 * sizeof(L) - 1));
  static ANYPOOL_INLINE Lane in(S x) { return L(L(x) ^ top); }
  static ANYPOOL_INLINE S out(Lane k) { return S(k ^ top); }
  static ANYPOOL_INLINE double real(Lane k) { return double(out(k)); }
  static ANYPOOL_INLINE S last() { return std::numeric_limits<S>::max(); }
};
template <>
struct Keys<std::int8_t> : Flipped<std::int8_t, std::uint8_t> {};
template <>
struct Keys<std::int16_t> : Flipped<std::int16_t, std::uint16_t> {};
template <>
struct Keys<std::uint32_t> : Flipped<std::uint32_t, std::int32_t> {};
template <>
struct Keys<std::uint64_t> : Flipped<std::uint64_t, std::int64_t> {};
template <>
struct Keys<float> {
  using Lane = std::int32_t;
  using Real = float;
  static constexpr bool floats = true;
  static ANYPOOL_INLINE Lane in(float x) {
    std::int32_t i;
    std::memcpy(&i, &x, 4);
    i ^= (i >> 31) & 0x7fffffff;
    return x == x ? i : 0x7fffffff;
  }
  static ANYPOOL_INLINE float out(Lane k) {
    k ^= (k >> 31) & 0x7fffffff;
    float x;
    std::memcpy(&x, &k, 4);
    return x;
  }
  static ANYPOOL_INLINE float real(Lane k) { return out(k); }
  static ANYPOOL_INLINE float last() { return NAN; }
};
template <>
struct Keys<double> {  // no 64-bit integer minimum before AVX-512: a NaN becomes +inf, and the caller is told
  using Lane = double;
  using Real = double;
  static constexpr bool floats = true;
  static ANYPOOL_INLINE Lane in(double x) { return x == x ? x : INFINITY; }
  static ANYPOOL_INLINE double out(Lane k) { return k; }
  static ANYPOOL_INLINE double real(Lane k) { return k; }
  static ANYPOOL_INLINE double last() { return NAN; }
};
// float32 without conversion to keys, twice as fast on AVX-512 (vminps has two ports, vpminsd one). The
// results are wrong if x has a NaN.
struct Bare {
  using Lane = float;
  using Real = float;
  static constexpr bool floats = true;
  static ANYPOOL_INLINE float in(float x) { return x; }
  static ANYPOOL_INLINE float out(float k) { return k; }
  static ANYPOOL_INLINE float real(float k) { return k; }
  static ANYPOOL_INLINE float last() { return NAN; }
};
template <class H, std::uint16_t infinity>
struct HalfKeys {
  using Lane = std::uint16_t;
  using Real = float;
  static constexpr bool floats = true;
  static ANYPOOL_INLINE Lane in(H x) {
    std::uint16_t b;
    std::memcpy(&b, &x, 2);
    std::uint16_t k = b & 0x8000 ? std::uint16_t(~b) : std::uint16_t(b | 0x8000);
    return (b & 0x7fff) > infinity ? 0xffff : k;
  }
  static ANYPOOL_INLINE H out(Lane k) {
    std::uint16_t b = k & 0x8000 ? std::uint16_t(k & 0x7fff) : std::uint16_t(~k);
    H x;
    std::memcpy(static_cast<void*>(&x), &b, 2);
    return x;
  }
  static ANYPOOL_INLINE float real(Lane k) { return number(out(k)); }
  static ANYPOOL_INLINE H last() { return out(0xffff); }
};
template <>
struct Keys<Half> : HalfKeys<Half, 0x7c00> {};
template <>
struct Keys<Brain> : HalfKeys<Brain, 0x7f80> {};

// Keys of integers throughout: doubles too have a place for NaN.
template <class S>
struct Ordered : Keys<S> {};
template <>
struct Ordered<double> : Keys<double> {
  using Lane = std::int64_t;
  static ANYPOOL_INLINE Lane turned(Lane i) { return i ^ ((i >> 63) & std::numeric_limits<Lane>::max()); }
  static ANYPOOL_INLINE Lane in(double x) {
    Lane i;
    std::memcpy(&i, &x, 8);
    return x == x ? turned(i) : std::numeric_limits<Lane>::max();
  }
  static ANYPOOL_INLINE double out(Lane k) {
    k = turned(k);
    double x;
    std::memcpy(&x, &k, 8);
    return x;
  }
  static ANYPOOL_INLINE double real(Lane k) { return out(k); }
};

template <class S>
ANYPOOL_INLINE bool is_nan(S x) {
  if constexpr (std::is_floating_point_v<S>) return x != x;
  else if constexpr (Keys<S>::floats) return Keys<S>::in(x) == 0xffff;
  else return false;
}
}  // namespace anypool::ANYPOOL_ISA
