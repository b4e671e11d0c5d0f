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

  // row[k]: the k-th wanted rank of n windows, whose answers lie `apart`, and how many elements each holds
  // (null: all). `chosen`: row[0] and row[1] are the two ranks of each window's count. True: a window has no
  // answer, and there is no value for that.
  template <class Y>
  ANYPOOL_INLINE bool give(const T* const* row, Index n, Index apart, Y* y,
                           const std::uint8_t* count = nullptr, bool chosen = false) const {
    if constexpr (std::is_same_v<Y, S>)
      if (n < 16 && apart == 1 && !job.terms && !job.blend) {  // a few lanes: a call would be felt
        for (Index i = 0; i < n; ++i) y[i] = K::out(row[0][i]);
        return false;
      }
    return write(job, row, n, apart, y, !std::is_same_v<Y, S>, count, chosen);
  }
  // In answers.cpp: compiled in each engine, it was most of their code. Static, so that no engine's address
  // is given away.
  static bool write(const anypool_orders& job, const T* const* row, Index n, Index apart, void* y, bool real,
                    const std::uint8_t* count, bool chosen);
};
}  // namespace anypool::ANYPOOL_ISA
