// Variances from folded planes: sums of squares about a pivot, or spreads; false where the numbers need the reference.
#pragma once
#include <cmath>

#include "quotient.hpp"

namespace anypool::ANYPOOL_ISA {
// s: sums of x - pivot, t: of its squares; n · d (d null: n) elements a window.
template <class A>
bool about_pivot(const A* s, const A* t, A* y, Index lanes, A n, const A* d, A ddof, A pivot) {
  const A nan = std::numeric_limits<A>::quiet_NaN();
  std::int64_t little = 0, doubt = 0;
  for (Index i = 0; i < lanes; ++i) {
    const A m = d ? d[i] * n : n, rest = m - ddof, v = t[i] - s[i] * (s[i] / m);
    const A w = v <= t[i] * A(0x1p-50) ? A(0) : v;  // equal elements: what is left is rounding
    little |= std::int64_t(v < t[i] * A(0x1p-38));
    y[i] = rest > 0 ? w / rest : nan;
  }
  for (Index i = 0; little && i < lanes; ++i) {  // does more cancel than the elements' own rounding?
    const A mean = s[i] / (d ? d[i] * n : n), v = t[i] - s[i] * mean, near = pivot + mean;
    const bool flat = v <= t[i] * A(0x1p-50), beside = (near != 0) & (std::abs(near) < std::abs(mean) * A(0.125));
    doubt |= std::int64_t((v < t[i] * A(0x1p-38)) & (!flat | beside));
  }
  return !doubt;
}

// q: sums of squared deviations. Beyond these limits a square may have vanished or been too large.
template <class A>
bool of_spreads(const A* q, A* y, Index lanes, A n, const A* d, A ddof, Divisors<A>& divisors) {
  constexpr A least_ = sizeof(A) == 4 ? A(0x1p-100) : A(0x1p-900), most_ = sizeof(A) == 4 ? A(0x1p120) : A(0x1p1000);
  int doubt = 0;
  for (Index i = 0; i < lanes; ++i) doubt |= !((q[i] >= least_) & (q[i] <= most_));
  if (!d && n > ddof) divide(q, y, lanes, n - ddof);
  else if (d && ddof == 0) divisors.divide(q, y, lanes, d, n);
  else
    for (Index i = 0; i < lanes; ++i) {
      const A rest = (d ? d[i] * n : n) - ddof;
      y[i] = rest > 0 ? q[i] / rest : std::numeric_limits<A>::quiet_NaN();
    }
  return !doubt;
}
}  // namespace anypool::ANYPOOL_ISA
