// The four ways in which two partial results become one. X is a scalar or a vector of lanes; a lies before b.
#pragma once
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
template <class T>
constexpr T least =
    std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
template <class T>
constexpr T most =
    std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();

template <class T>
struct Sum {
  static constexpr bool idempotent = false;
  static constexpr T nothing = T(0);
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {
    return a + b;
  }
};
template <class T>
struct Prod {
  static constexpr bool idempotent = false;
  static constexpr T nothing = T(1);
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {
    return a * b;
  }
};
template <class T>
struct Max {
  static constexpr bool idempotent = true;
  static constexpr T nothing = least<T>;
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {  // a NaN of either side wins
#ifdef __AVX512F__
    // vmaxps gives b where either is NaN, so only lanes whose a is a NaN must be kept: two instructions, not
    // three
    if constexpr (std::is_same_v<X, Lanes<float>::V>)
      return X(_mm512_mask_max_ps(__m512(a), _mm512_cmp_ps_mask(__m512(a), __m512(a), _CMP_ORD_Q), __m512(a),
                                  __m512(b)));
    if constexpr (std::is_same_v<X, Lanes<double>::V>)
      return X(_mm512_mask_max_pd(__m512d(a), _mm512_cmp_pd_mask(__m512d(a), __m512d(a), _CMP_ORD_Q),
                                  __m512d(a), __m512d(b)));
#endif
    if constexpr (std::is_floating_point_v<T>) {
      X top = b > a ? b : a;
      return b != b ? b : top;
    } else return b > a ? b : a;
  }
};
template <class T>
struct Min {
  static constexpr bool idempotent = true;
  static constexpr T nothing = most<T>;
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {
#ifdef __AVX512F__
    if constexpr (std::is_same_v<X, Lanes<float>::V>)
      return X(_mm512_mask_min_ps(__m512(a), _mm512_cmp_ps_mask(__m512(a), __m512(a), _CMP_ORD_Q), __m512(a),
                                  __m512(b)));
    if constexpr (std::is_same_v<X, Lanes<double>::V>)
      return X(_mm512_mask_min_pd(__m512d(a), _mm512_cmp_pd_mask(__m512d(a), __m512d(a), _CMP_ORD_Q),
                                  __m512d(a), __m512d(b)));
#endif
    if constexpr (std::is_floating_point_v<T>) {
      X low = b < a ? b : a;
      return b != b ? b : low;
    } else return b < a ? b : a;
  }
};

// n results of later elements join those of earlier ones; `rest`, if given, gathers what rounding takes from
// sums of floats.
template <class M, class T>
void joined(const T* part, T* to, [[maybe_unused]] T* rest, Index n) {
  for (Index i = 0; i < n; ++i) {
    const T before = to[i];
    to[i] = M::merge(before, part[i]);
    if constexpr (std::is_floating_point_v<T>)
      if (rest) {  // Knuth's sum of two: exact
        const T seen = to[i] - before;
        rest[i] += (before - (to[i] - seen)) + (part[i] - seen);
      }
  }
}
}  // namespace anypool::ANYPOOL_ISA
