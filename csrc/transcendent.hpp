// e^x, ln x for lanes of float; for double, the C library. Errors: below 2 units in the last place.
#pragma once
#include <cmath>

#include "words.hpp"

namespace anypool::ANYPOOL_ISA {
// e^(rate·x − top) by Cody–Waite reduction and the Cephes polynomial; -inf gives 0, a NaN stays one; at most e^0.
inline void exponential(const float* x, float* y, Index n, float rate, float top) {
  using L = Lanes<float>;
  typedef std::int32_t I __attribute__((vector_size(ANYPOOL_LANES_BYTES)));
  each<float>(n, [&](Index i, auto whole) {
    auto v = get(x + i, whole) * rate - top;
    auto low = v < -87.0f;
    auto z = low ? L::fill(-87.0f) : v;
    const auto shifted = z * 1.44269504088896341f + 12582912.0f;  // rounds to the nearest integer
    const auto k = shifted - 12582912.0f;
    auto r = z - k * 0.693359375f;
    r = r + k * 2.12194440e-4f;
    auto p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const I power = ((I)shifted - 0x4b400000 + 127) << 23;  // k sits in the low bits
    auto e = p * (typename L::V)power;
    e = low ? typename L::V{} : e;  // below e^-87: nothing beside the pivot's 1
    put(y + i, v != v ? v : e, whole);
  });
}
inline void exponential(const double* x, double* y, Index n, double rate, double top) {
  for (Index i = 0; i < n; ++i) y[i] = std::exp(x[i] * rate - top);
}
// For positive normal numbers.
inline void logarithm(const float* x, float* y, Index n) {
  using L = Lanes<float>;
  typedef std::int32_t I __attribute__((vector_size(ANYPOOL_LANES_BYTES)));
  each<float>(n, [&](Index i, auto whole) {
    const auto v = get(x + i, whole);
    const I bits = (I)v;
    I e = (bits >> 23) - 126;
    auto m = (typename L::V)((bits & 0x007fffff) | 0x3f000000);  // in [0.5, 1)
    const auto small = m < 0.707106781186547524f;
    e = e + small;  // true is -1
    m = small ? m + m - 1.0f : m - 1.0f;
    const auto k = __builtin_convertvector(e, typename L::V);
    const auto z = m * m;
    auto p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * z;
    p = p - k * 2.12194440e-4f - z * 0.5f;
    put(y + i, v != v ? v : m + p + k * 0.693359375f, whole);
  });
}
inline void logarithm(const double* x, double* y, Index n) {
  for (Index i = 0; i < n; ++i) y[i] = std::log(x[i]);
}
// The greatest (sign 1) or smallest (sign -1) of n numbers that is no NaN.
template <int sign>
struct Beyond {
  template <class X>
  static ANYPOOL_INLINE X merge(X a, X b) {
    X best = sign > 0 ? (b > a ? b : a) : (b < a ? b : a);
    return a != a ? b : best;
  }
};
template <int sign, class T>
T extreme(const T* x, Index n) {
  using L = Lanes<T>;
  T best = sign > 0 ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  Index i = 0;
  if (n >= L::n) {
    auto v = L::load(x);
    for (i = L::n; i + L::n <= n; i += L::n) v = Beyond<sign>::merge(v, L::load(x + i));
    for (Index j = 0; j < L::n; ++j) best = Beyond<sign>::merge(T(v[j]), best);
  }
  for (; i < n; ++i) best = Beyond<sign>::merge(x[i], best);
  return best;
}
}  // namespace anypool::ANYPOOL_ISA
