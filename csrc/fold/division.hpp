// A mean's rows leave the engine as means: they are divided while they lie in the first-level cache.
#pragma once
#include <algorithm>

#include "abi/job.hpp"
#include "fold/quotient.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class T>
struct Division {
  const anypool_level *a = nullptr, *b = nullptr;  // the last two levels
  bool serves = false;  // the finish is nothing but a division by whole counts, the same for every item
  T divisor = 0;
  Index wide = 0;  // lanes of a row of windows
  Divisors<T> divisors;
  Array<T> counts;

  explicit Division(const anypool_job& job) {
    if constexpr (std::is_floating_point_v<T>) {
      if (job.levels < 2 || job.finish != DIVIDE || job.plane_type != job.y_type || planes_of(job) > 1 ||
          !job.y)
        return;
      a = job.level + job.levels - 2, b = a + 1, wide = b->windows * job.inner;
      divisor = T(job.divisor);
      serves = a->windows && b->windows && (divisor == 0 || !fuses || shares(divisor));
      for (const anypool_level* l = job.level; l < a; ++l) serves &= !l->windows;
      for (const anypool_level* l : {a, b})
        for (Index o = 0; serves && o < l->windows; ++o)
          serves = l->length[o] && (divisor != 0 || (l->count[o] <= 1024 && shares(l->count[o])));
      const auto alike = [](const anypool_level* l) {
        return std::all_of(l->count, l->count + l->windows, [&](double n) { return n == l->count[0]; });
      };
      if (serves && divisor == 0 && alike(a) && alike(b)) divisor = T(a->count[0] * b->count[0]);
      serves &= divisor != 0 || job.inner == 1;
      for (Index o = 0; serves && o < b->windows; ++o) counts.push_back(divisor != 0 ? T(1) : T(b->count[o]));
    }
  }

  // What the windows of row o are divided by.
  const typename Divisors<T>::Table& of(Index o) {
    return divisors.table(b->windows, counts.data(), divisor != 0 ? divisor : T(a->count[o]));
  }

  // Rows [from, to) of windows.
  void rows(T* y, Index pitch, Index from, Index to) {
    if constexpr (std::is_floating_point_v<T>) {
      if (divisor != 0 && pitch == wide) return divide(y, y, (to - from) * pitch, divisor);
      for (Index o = from; o < to; ++o, y += pitch) {
        if (divisor != 0) divide(y, y, wide, divisor);
        else divisors.divide(y, y, wide, counts.data(), T(a->count[o]));
      }
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
