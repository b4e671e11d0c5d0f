// Weights as they are read: which of them are valid, and the powers of e of their logarithms.
#pragma once
#include <algorithm>
#include <cmath>

#include "abi/job.hpp"
#include "fold/merges.hpp"
#include "simd/transcendent.hpp"

namespace anypool::ANYPOOL_ISA {
// Whether powers of e are as exact as elements of x: float32, or double.
inline bool powers_are_single(const anypool_job& job) {
  return anypool::is_float(job.x_type) && job.x_type != F64;
}
// A sum of weights e^(a - top) below this is computed again from the elements of its window.
inline double least_total(bool single) { return single ? 4e-18 : 1e-130; }

template <class W>
bool all_valid(const anypool_job& job, const W* w, Index n) {
  using L = Lanes<W>;
  const auto low = L::fill(job.logs                     ? least<W>
                           : job.checks == NOT_NEGATIVE ? W(0)
                                                        : std::numeric_limits<W>::lowest()),
             high = L::fill(std::numeric_limits<W>::max());
  decltype(low < high) wrong{};
  each<W>(n, [&](Index i, auto whole) ANYPOOL_FLAT {
    const auto v = get(w + i, whole);
    wrong |= ~((v >= low) & (v <= high));
  });
  return !any(wrong);
}

// The greatest of n numbers; rows are short, so that no lane is left to be compared alone.
template <class W>
W greatest_of_row(const W* a, Index n) {
  using L = Lanes<W>;
  W lane[L::n];
  std::fill_n(lane, L::n, least<W>);
  if (n < L::n) std::copy_n(a, n, lane);
  else {
    auto best = L::load(a + n - L::n);
    for (Index i = 0; i + L::n <= n; i += L::n) {
      const auto v = L::load(a + i);
      best = v > best ? v : best;
    }
    L::store(lane, best);
  }
  for (Index half = L::n / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) lane[i] = lane[i + half] > lane[i] ? lane[i + half] : lane[i];
  return lane[0];
}

// The greatest of n logarithms a + rate · x of present elements; -infinity where there is none.
template <class A, class W>
double greatest_logarithm(const anypool_job& job, const A* x, const W* a, Index n) {
  const bool omits = job.omit && anypool::is_float(job.x_type);
  if (!omits && job.rate == 0) return double(greatest_of_row(a, n));
  double top = least<double>;
  for (Index i = 0; i < n; ++i) {
    const double v = double(x[i]), b = job.rate == 0 ? double(a[i]) : double(a[i]) + job.rate * v;
    top = !(omits && v != v) && a[i] > least<W> && b > top ? b : top;
  }
  return top;
}

// e^min(v, 0) in place; whether a power of a finite number is 0.
inline bool powers_of_e(float* v, Index n) {
  using L = Lanes<float>;
  const auto none = L::fill(0.0f), absent = L::fill(least<float>);
  decltype(none < absent) lost{};
  each<float>(n, [&](Index i, auto whole) ANYPOOL_FLAT {
    const auto b = get(v + i, whole), e = power_of_e(b > none ? none : b);
    lost |= (e == none) & (b > absent);
    put(v + i, e, whole);
  });
  return any(lost);
}
inline bool powers_of_e(double* v, Index n) {
  bool lost = false;
  for (Index i = 0; i < n; ++i) {
    const double b = v[i];
    v[i] = std::exp(b > 0 ? 0.0 : b), lost |= v[i] == 0 && b > least<double>;
  }
  return lost;
}
// e^(a + rate · x - top); 0 where that is too small, but for a NaN or an infinity x, which stays present.
template <class A, class W, class E>
void powers_of_logarithms(const anypool_job& job, const A* x, const W* a, Index n, double top, E* e) {
  if (job.rate != 0)
    for (Index i = 0; i < n; ++i)
      e[i] = a[i] == least<W> ? least<E> : E(double(a[i]) + job.rate * double(x[i]) - top);
  else if constexpr (std::is_same_v<W, float> && std::is_same_v<E, float>)
#pragma GCC ivdep
    for (Index i = 0; i < n; ++i) e[i] = a[i] - float(top);
  else
#pragma GCC ivdep
    for (Index i = 0; i < n; ++i) e[i] = E(double(a[i]) - top);
  const bool lost = powers_of_e(e, n);
  for (Index i = 0; lost && i < n; ++i)
    if (e[i] == 0 && a[i] > least<W> && x[i] - x[i] != 0) e[i] = std::numeric_limits<E>::min();
}
}  // namespace anypool::ANYPOOL_ISA
