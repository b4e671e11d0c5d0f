// WHAT, for the compiled core: the twins of reductions.py that keep one value a lane.
#pragma once
#include "words.hpp"

namespace anypool::ANYPOOL_ISA {
// X is a scalar or a vector of lanes: the same text serves both. a lies before b.
struct Sum {
  static constexpr bool idempotent = false, divides = false;
  template <class T>
  static constexpr T nothing() { return T(0); }
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) { return a + b; }
};
struct Mean : Sum {
  static constexpr bool divides = true;
};
struct Max {
  static constexpr bool idempotent = true, divides = false;
  template <class T>
  static constexpr T nothing() { return -std::numeric_limits<T>::infinity(); }
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {  // a NaN of either side wins
    X top = b > a ? b : a;
    return b != b ? b : top;
  }
};
struct Min {
  static constexpr bool idempotent = true, divides = false;
  template <class T>
  static constexpr T nothing() { return std::numeric_limits<T>::infinity(); }
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {
    X low = b < a ? b : a;
    return b != b ? b : low;
  }
};
}  // namespace anypool::ANYPOOL_ISA
