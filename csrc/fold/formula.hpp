// A row of answers from a row of folded planes: division, root, logarithm, ratio, difference, variance.
#pragma once
#include "fold/deviations.hpp"
#include "fold/stage.hpp"

namespace anypool::ANYPOOL_ISA {
// s and t are the planes. n · d elements are divided by (d null: n).
template <class A, class D>
bool formula(const anypool_job& job, D& divisors, const Pivot& pivot, const A* s, const A* t, A* y,
             Index lanes, A n, const std::type_identity_t<A>* d) {
  auto divided = [&](const A* from_, A* to_) {
    if constexpr (std::is_floating_point_v<A>)
      d ? divisors.divide(from_, to_, lanes, d, n) : divide(from_, to_, lanes, n);
  };
  if constexpr (std::is_floating_point_v<A>) {
    constexpr A small = sizeof(A) == 4 ? A(0x1p-60) : A(0x1p-600);
    switch (job.finish) {
      case PLAIN:
        if (y != s) std::copy_n(s, lanes, y);
        return true;
      case DIVIDE: divided(s, y); return true;
      case ROOT:
      case DIVIDE_ROOT: {
        int low = 0;
        if (pivot.tiny)
          for (Index i = 0; i < lanes; ++i) low |= s[i] < small;
        if (job.finish == DIVIDE_ROOT) divided(s, y);
        const A* from_ = job.finish == ROOT ? s : y;
        for (Index i = 0; i < lanes; ++i) y[i] = std::sqrt(from_[i]);
        return !low;
      }
      case LOG:
      case DIVIDE_LOG: {
        int low = 0;
        for (Index i = 0; i < lanes; ++i) low |= s[i] < small;
        if (low) return false;
        if (job.finish == DIVIDE_LOG) divided(s, y);
        logarithm(job.finish == LOG ? s : y, y, lanes, A(pivot.value), A(job.rate));
        return true;
      }
      case RATIO: {
        int low = 0;
        for (Index i = 0; i < lanes; ++i) low |= s[i] < small;
        if (!low)
          each<A>(lanes, [=](Index i, auto whole) {
            put(y + i, ratio(get(t + i, whole), get(s + i, whole)), whole);
          });
        return !low;
      }
      case DIFFERENCE:
        for (Index i = 0; i < lanes; ++i) y[i] = s[i] - t[i];
        return true;
      case VAR:
      case STD: {
        const A ddof = A(job.ddof);
        const bool fine = t ? about_pivot(s, t, y, lanes, n, d, ddof, A(pivot.value))
                            : of_spreads(s, y, lanes, n, d, ddof, divisors);
        if (job.finish == STD)
          for (Index i = 0; i < lanes; ++i) y[i] = std::sqrt(y[i]);
        return fine;
      }
    }
  } else if (job.finish == DIFFERENCE) {
    using U = std::make_unsigned_t<A>;  // what an empty window holds may wrap: it is overwritten
    for (Index i = 0; i < lanes; ++i) y[i] = A(U(s[i]) - U(t[i]));
    return true;
  } else if (y != s) std::copy_n(s, lanes, y);
  return true;
}
}  // namespace anypool::ANYPOOL_ISA
