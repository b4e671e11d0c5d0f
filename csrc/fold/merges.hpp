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
// The greatest or the least: a NaN of either side wins.
template <class T, bool greatest>
struct Extreme {
  static constexpr bool idempotent = true;
  static constexpr T nothing = greatest ? least<T> : most<T>;
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {
#ifdef __AVX512F__
    // vmaxps and vminps give b where either is NaN, so only lanes whose a is a NaN must be kept: two
    // instructions, not three
    if constexpr (std::is_same_v<X, Lanes<float>::V>) {
      const __mmask16 number = _mm512_cmp_ps_mask(__m512(a), __m512(a), _CMP_ORD_Q);
      return X(greatest ? _mm512_mask_max_ps(__m512(a), number, __m512(a), __m512(b))
                        : _mm512_mask_min_ps(__m512(a), number, __m512(a), __m512(b)));
    }
    if constexpr (std::is_same_v<X, Lanes<double>::V>) {
      const __mmask8 number = _mm512_cmp_pd_mask(__m512d(a), __m512d(a), _CMP_ORD_Q);
      return X(greatest ? _mm512_mask_max_pd(__m512d(a), number, __m512d(a), __m512d(b))
                        : _mm512_mask_min_pd(__m512d(a), number, __m512d(a), __m512d(b)));
    }
#endif
    const X best = greatest ? (b > a ? b : a) : (b < a ? b : a);
    if constexpr (std::is_floating_point_v<T>) return b != b ? b : best;
    else return best;
  }
};
template <class T>
using Max = Extreme<T, true>;
template <class T>
using Min = Extreme<T, false>;

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
