// The wanted ranks of a row of windows become answers: as they are, blended, or summed with coefficients by count.
#pragma once
#include <algorithm>

#include "orders.hpp"
#include "orders_keys.hpp"

namespace anypool::ANYPOOL_ISA {
template <class S, class K>
struct OrderAnswers {
  using T = typename K::Lane;
  using R = typename K::Real;
  const anypool_orders& job;

  // row[k]: the k-th wanted rank of n windows, whose answers lie `apart`.
  template <class Y>
  void give(const T* const* row, Index n, Index apart, Y* y) const {
    if (!job.terms) return write(row[0], row[job.ranks > 1], n, apart, y, job.share);
    constexpr Index block = 64;  // windows of one count share their terms: most do
    const std::uint8_t* counts = job.counts ? job.counts + (y - static_cast<Y*>(job.y)) : nullptr;
    for (Index b = 0; b < n; b += block, y += block * apart) {
      const Index m = std::min(block, n - b);
      const std::uint8_t* count = counts ? counts + b * apart : nullptr;
      const Index c = count ? *count : job.full;
      bool alike = true;
      for (Index i = 1; count && i < m; ++i) alike &= count[i * apart] == c;
      if (job.terms > 2) {
        if (alike) sum(row, b, m, c, apart, y);
        else
          for (Index i = 0; i < m; ++i) sum(row, b + i, 1, count[i * apart], apart, y + i * apart);
      } else if (alike) write(row[job.low[c]] + b, row[job.high[c]] + b, m, apart, y, job.shares[c]);
      else {
        T low[block], high[block];
        double share[block];
        for (Index i = 0; i < m; ++i) {
          const Index k = count[i * apart];
          low[i] = row[job.low[k]][b + i], high[i] = row[job.high[k]][b + i], share[i] = job.shares[k];
        }
        if (job.blend < 2) write(low, high, m, apart, y, 0.5);
        else
          for (Index i = 0; i < m; ++i) narrow(blended(K::real(low[i]), K::real(high[i]), share[i]), y[i * apart]);
      }
    }
  }

  R blended(R a, R b, double part) const {
    const R share = R(part), rest = R(1 - part);
    const R mixed = job.blend == 1 ? (a + b) * R(0.5) : part < 0.5 ? a + (b - a) * share : b - (b - a) * rest;
    return a == b ? a : mixed;
  }
  template <class Y>
  void write(const T* low, const T* high, Index n, Index apart, Y* y, double part) const {
    if constexpr (std::is_same_v<Y, S>)
      if (!job.blend) {
        if (apart == 1)
          for (Index i = 0; i < n; ++i) y[i] = K::out(low[i]);
        else
          for (Index i = 0; i < n; ++i) y[i * apart] = K::out(low[i]);
        return;
      }
    for (Index i = 0; i < n; ++i) narrow(job.blend ? blended(K::real(low[i]), K::real(high[i]), part) : K::real(low[i]), y[i * apart]);
  }
  // What has no share is no part, an infinity neither.
  template <class Y>
  void sum(const T* const* row, Index begin, Index n, Index count, Index apart, Y* y) const {
    R total[64] = {};
    const double* share = job.coefficients + count * job.ranks;
    for (Index k = 0; k < job.ranks; ++k)
      if (const R s = R(share[k]); s != 0)
        for (Index i = 0; i < n; ++i) total[i] += s * K::real(row[k][begin + i]);
    for (Index i = 0; i < n; ++i) narrow(total[i], y[i * apart]);
  }
};
}  // namespace anypool::ANYPOOL_ISA
