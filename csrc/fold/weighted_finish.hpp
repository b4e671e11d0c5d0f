// The finish of windows that know their weights: quotients and variances by the total weight, and the value
// of empty windows.
#pragma once
#include <cmath>

#include "abi/job.hpp"
#include "fold/deviations.hpp"
#include "fold/lifted.hpp"
#include "simd/transcendent.hpp"

namespace anypool::ANYPOOL_ISA {
template <class A>
class WeightedFinish {
 public:
  WeightedFinish(const anypool_job& job_, double pivot_, bool tiny_, Lifted* lifted_, A empty_)
      : job(job_), pivot(A(pivot_)), tiny(tiny_), lifted(lifted_), empty(empty_) {}

  // n windows, of which the first is number `first` of the tile; false: the reference says what an empty
  // window lacks.
  bool begin(A* sums, A* others, A* weights, Index n_, Index first_) {
    s = sums, t = others, w = weights, n = n_, first = first_, none = 0;
    if (job.logs) doubt(sums, others, weights);
    for (Index i = 0; i < n; ++i) none += is_none(w[i]);
    if (none && std::is_integral_v<A> && job.empty != job.empty) return false;
    if (none) put_where_none(sums, A(1));  // numbers that no formula doubts
    if (none && others) put_where_none(others, A(1));
    return true;
  }
  // Their results; plain() is the formula of all that does not divide. False: the numbers need the reference.
  template <class Plain>
  bool run(A* y, Plain plain) {
    const bool fine = formula(y, plain);
    if (none) put_where_none(y, empty);
    return fine;
  }
  void end(unsigned char* answers, const Writer<A>& writer) const {
    roots(answers);
    for (const Index i : doubted) {
      double result;
      writer.fill(answers + i * writer.width, 1, lifted->of_elements(first + i, result) ? result : job.empty);
    }
  }

 private:
  void roots(unsigned char* answers) const {
    if (!late_root || job.finish != STD) return;
    float* y = reinterpret_cast<float*>(answers);
    for (Index i = 0; i < n; ++i) y[i] = std::sqrt(y[i]);
    for (Index i = 0; none && i < n; ++i) y[i] = is_none(w[i]) ? float(job.empty) : y[i];
  }

  const anypool_job& job;
  const bool late_root =
      std::is_same_v<A, double> && job.y_type == F32;  // it costs half of the root of a double
  const A pivot;
  const bool tiny;
  Lifted* const lifted;
  const A empty;  // the number that is written for an empty window
  const A *s = nullptr, *t = nullptr, *w = nullptr;
  Index n = 0, first = 0, none = 0;
  Array<Index> doubted;  // windows that are computed from their elements

  // Windows whose weights e^(a - scale) are so small that products with them lose digits.
  void doubt(A* sums, A* others, A* weights) {
    if constexpr (std::is_floating_point_v<A>) {
      const A low = A(least_total(powers_are_single(job))), small = sizeof(A) == 4 ? A(1e-30) : A(1e-290);
      doubted.clear();
      each<A>(n, [&](Index i, auto whole) ANYPOOL_FLAT {
        const auto weight = get(weights + i, whole), sum = get(sums + i, whole), size = sum < 0 ? -sum : sum;
        const auto few = ~(weight >= low) | ((weight < 1) & (size < small) & (size != 0));
        if (any(few)) [[unlikely]]
          for (Index j = 0; j < Index(whole); ++j)
            if (few[j]) doubted.push_back(i + j);
      });
      for (const Index i : doubted) {  // numbers that no formula doubts
        sums[i] = weights[i] = A(1);
        if (others) others[i] = A(1);
      }
    }
  }
  // Sums of weights may be negative; of a maximum of them the identity is.
  template <class V>
  ANYPOOL_INLINE auto is_none(V weight) const {
    return job.weighting == TOTAL ? weight == 0 : weight <= 0;
  }
  void put_where_none(A* y, A value) const {
    each<A>(n, [&](Index i, auto whole) ANYPOOL_FLAT {
      put(y + i, is_none(get(w + i, whole)) ? Lanes<A>::fill(value) : get(y + i, whole), whole);
    });
  }

  template <class Plain>
  bool formula(A* y, Plain plain) {
    if constexpr (std::is_floating_point_v<A>) switch (job.finish) {
        case DIVIDE:
        case DIVIDE_ROOT:
        case DIVIDE_LOG: return quotient_of(y);
        case VAR:
        case STD: return variance(y);
        default: break;
      }
    return plain();
  }
  bool quotient_of(A* y) const {
    constexpr A small = sizeof(A) == 4 ? A(0x1p-60) : A(0x1p-600);
    int low = 0;
    for (Index i = 0; job.finish != DIVIDE && i < n; ++i) low |= s[i] < small;
    if (low && (job.finish == DIVIDE_LOG || tiny)) return false;
    each<A>(n, [&](Index i, auto whole)
                   ANYPOOL_FLAT { put(y + i, get(s + i, whole) / get(w + i, whole), whole); });
    for (Index i = 0; job.finish == DIVIDE_ROOT && i < n; ++i) y[i] = std::sqrt(y[i]);
    if (job.finish == DIVIDE_LOG) logarithm(y, y, n, pivot, A(job.rate));
    return true;
  }
  bool variance(A* y) {
    const A share = job.x_type == F64 ? A(0x1p-12) : A(0x1p-30);
    bool known = true;
    const bool fine = about_pivot_weighted(s, t, w, y, n, A(job.ddof), pivot, share, job.x_type != F64,
                                           [&](Index i, A mean) {
                                             known &= lifted && lifted->holds();
                                             return known ? deviations(first + i, mean) : A(0);
                                           });
    for (Index i = 0; job.finish == STD && !late_root && i < n; ++i) y[i] = std::sqrt(y[i]);
    return fine && known;
  }
  // Σ w (d - mean)² of one window, from its w d and w.
  A deviations(Index lane, A mean) const {
    const A *products = lifted->plane<A>(0), *weights = lifted->plane<A>(2);  // null: each is 1
    A total = 0;
    lifted->each(lane, [&](Index i, double tap) {
      const A w = weights ? weights[i] : A(1);
      if (w == 0) return;
      const A d = products[i] / w - mean;
      total += A(tap) * w * d * d;
    });
    return total;
  }
};
}  // namespace anypool::ANYPOOL_ISA
