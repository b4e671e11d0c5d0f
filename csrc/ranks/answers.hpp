// The wanted ranks of a row of windows become answers: as they are, blended, or summed with coefficients by
// count.
#pragma once
#include "abi/orders.hpp"
#include "ranks/keys.hpp"

namespace anypool::ANYPOOL_ISA {
template <class S, class K>
struct OrderAnswers {
  using T = typename K::Lane;
  const anypool_orders& job;

  // row[k]: the k-th wanted rank of n windows, whose answers lie `apart`.
  template <class Y>
  ANYPOOL_INLINE void give(const T* const* row, Index n, Index apart, Y* y) const {
    if constexpr (std::is_same_v<Y, S>)
      if (n < 16 && apart == 1 && !job.terms && !job.blend) {  // a few lanes: a call would be felt
        for (Index i = 0; i < n; ++i) y[i] = K::out(row[0][i]);
        return;
      }
    write(job, row, n, apart, y, !std::is_same_v<Y, S>);
  }
  // In kernels_orders_answers.cpp: compiled in each engine, it was most of their code. Static, so that no
  // engine's address is given away.
  static void write(const anypool_orders& job, const T* const* row, Index n, Index apart, void* y, bool real);
};
}  // namespace anypool::ANYPOOL_ISA
