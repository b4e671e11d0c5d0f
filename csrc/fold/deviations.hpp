// Variances from folded planes: sums of squares about a pivot, or spreads; false where the numbers need the
// reference.
#pragma once
#include <cmath>

#include "fold/quotient.hpp"

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
    const bool flat = v <= t[i] * A(0x1p-50),
               beside = (near != 0) & (std::abs(near) < std::abs(mean) * A(0.125));
    doubt |= std::int64_t((v < t[i] * A(0x1p-38)) & (!flat | beside));
  }
  return !doubt;
}

// The same of weighted elements: w is the total weight of a window, deviations(i, mean) sums its w (x - pivot
// - mean)² once more where too much cancels: less than `share` of t is left. `exact`: nothing is left only
// where elements are equal.
template <class A, class Deviations>
bool about_pivot_weighted(const A* s, const A* t, const A* w, A* y, Index lanes, A ddof, A pivot, A share,
                          bool exact, Deviations deviations) {
  using V = typename Lanes<A>::V;
  const V nan = Lanes<A>::fill(std::numeric_limits<A>::quiet_NaN());
  bool fine = true;
  each<A>(lanes, [&](Index i, auto whole) ANYPOOL_FLAT {
    const V sum = get(s + i, whole), weight = get(w + i, whole), square = get(t + i, whole),
            rest = weight - ddof, share_of_one = A(1) / weight, v = square - sum * (sum * share_of_one);
    const auto none_left = exact ? v == 0 : v != v, little = (v < square * share) & (rest > 0) & ~none_left;
    fine &= !any((square - square != 0) & (sum - sum == 0));  // squares overflow, and their sum does not
    put(y + i, rest > 0 ? (ddof == 0 ? v * share_of_one : v / rest) : nan, whole);
    if (any(little)) [[unlikely]]
      for (Index j = 0; j < Index(whole); ++j)
        if (little[j]) {
          const A mean = sum[j] / weight[j];
          fine &= pivot == 0 ||
                  !(std::abs(pivot + mean) < std::abs(mean) * A(0.125));  // x - pivot lost digits of x
          y[i + j] = deviations(i + j, mean) / rest[j];
        }
  });
  return fine;
}

// q: sums of squared deviations. Beyond these limits a square may have vanished or been too large.
template <class A>
bool of_spreads(const A* q, A* y, Index lanes, A n, const A* d, A ddof, Divisors<A>& divisors) {
  constexpr A least_ = sizeof(A) == 4 ? A(0x1p-100) : A(0x1p-900),
              most_ = sizeof(A) == 4 ? A(0x1p120) : A(0x1p1000);
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

// Spreads q, u and sums s, v of two parts of each window (Chan, Golub & LeVeque 1983), of n · d and k · d
// elements.
template <class A>
void join_spreads(A* q, A* s, const A* u, const A* v, const double* d, double n, double k, Index windows) {
  for (Index i = 0; i < windows; ++i) {
    if (d[i] == 0) continue;
    const double apart = n > 0 ? double(v[i]) / (k * d[i]) - double(s[i]) / (n * d[i]) : 0.0;
    q[i] = A(double(q[i]) + double(u[i]) + apart * apart * (n * k / (n + k)) * d[i]);
    s[i] = A(double(s[i]) + double(v[i]));
  }
}
}  // namespace anypool::ANYPOOL_ISA
