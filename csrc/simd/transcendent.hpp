// e^x, ln x for lanes of float; for double, the C library. Errors: below 2 units in the last place.
#pragma once
#include <cmath>

#include "fold/quotient.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// e^v by Cody–Waite reduction and the Cephes polynomial, for v of at most 0; -inf gives 0, a NaN stays one.
ANYPOOL_INLINE auto power_of_e(Lanes<float>::V v) {
  using L = Lanes<float>;
  typedef std::int32_t I __attribute__((vector_size(ANYPOOL_LANES_BYTES)));
  auto with = [](auto a, auto b, float c) { return fused(a, b, L::fill(c)); };
  const auto z = v > -87.0f ? v : L::fill(-87.0f);
  const auto shifted = with(z, L::fill(1.44269504088896341f), 12582912.0f);  // rounds to the nearest integer
  const auto k = shifted - 12582912.0f;
  auto r = fused(k, L::fill(-0.693359375f), z);
  r = fused(k, L::fill(2.12194440e-4f), r);
  auto p = with(r, L::fill(1.9875691500e-4f), 1.3981999507e-3f);
  p = with(p, r, 8.3334519073e-3f);
  p = with(p, r, 4.1665795894e-2f);
  p = with(p, r, 1.6666665459e-1f);
  p = with(p, r, 5.0000001201e-1f);
  p = fused(p, r * r, r) + 1.0f;
  const I power = ((I)shifted - 0x4b400000 + 127) << 23;  // k sits in the low bits
  const auto e = p * (L::V)power;
  return v > -87.0f ? e : v == v ? L::V{} : v;  // below e^-87: nothing beside the pivot's 1
}
// e^(rate·x − top); and times x, where it is wanted. At most e^0.
inline void exponential(float* x, float* times_x, Index n, float rate, float top) {
  using L = Lanes<float>;
  each<float>(n, [&](Index i, auto whole) {
    const auto v = get(x + i, whole), e = power_of_e(v * rate - top);
    put(x + i, e, whole);
    if (times_x) put(times_x + i, e == 0 ? L::V{} : v * e, whole);
  });
}
inline void exponential(double* x, double* times_x, Index n, double rate, double top) {
  for (Index i = 0; i < n; ++i) {
    const double v = x[i];
    x[i] = std::exp(v * rate - top);
    if (times_x) times_x[i] = x[i] == 0 ? 0 : v * x[i];
  }
}
// (ln x + shift) / rate, for positive normal numbers.
inline void logarithm(const float* x, float* y, Index n, float shift, float rate) {
  using L = Lanes<float>;
  auto with = [](auto a, auto b, float c) { return fused(a, b, L::fill(c)); };
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
    auto p = with(m, L::fill(7.0376836292e-2f), -1.1514610310e-1f);
    p = with(p, m, 1.1676998740e-1f);
    p = with(p, m, -1.2420140846e-1f);
    p = with(p, m, 1.4249322787e-1f);
    p = with(p, m, -1.6668057665e-1f);
    p = with(p, m, 2.0000714765e-1f);
    p = with(p, m, -2.4999993993e-1f);
    p = with(p, m, 3.3333331174e-1f);
    p = p * m * z;
    p = fused(k, L::fill(-2.12194440e-4f), p);
    p = fused(z, L::fill(-0.5f), p);
    const auto log = fused(k, L::fill(0.693359375f), m + p);
    put(y + i, v != v ? v : rate == 1 ? log + shift : (log + shift) / rate, whole);
  });
}
inline void logarithm(const double* x, double* y, Index n, double shift, double rate) {
  for (Index i = 0; i < n; ++i) y[i] = (std::log(x[i]) + shift) / rate;
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
  if (n >= 4 * L::n) {  // four at once: one alone waits for itself
    typename L::V v[4] = {L::load(x), L::load(x + L::n), L::load(x + 2 * L::n), L::load(x + 3 * L::n)};
    for (i = 4 * L::n; i + 4 * L::n <= n; i += 4 * L::n)
      for (int k = 0; k < 4; ++k) v[k] = Beyond<sign>::merge(v[k], L::load(x + i + k * L::n));
    for (int k = 0; k < 4; ++k)
      for (Index j = 0; j < L::n; ++j) best = Beyond<sign>::merge(T(v[k][j]), best);
  }
  for (; i < n; ++i) best = Beyond<sign>::merge(x[i], best);
  return best;
}
}  // namespace anypool::ANYPOOL_ISA
