// Weighted means of whole rows of lanes that share a weight: rows are scaled while they are added, from
// memory.
#pragma once
#include <algorithm>
#include <cmath>
#include <utility>

#include "abi/job.hpp"
#include "fold/powers.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class T>
class ScaledRows {
 public:
  ScaledRows(const anypool_job& job_, int lead_) : job(job_), lead(lead_), a(job_.level[lead_]) {}

  // Whether each position of the only pooled level is a row of lanes with one weight, which few windows read.
  static bool serve(const anypool_job& job, int lead) {
    const auto& a = job.level[lead];
    if (!job.w || job.runs || job.w_inner != 0 || job.inner < Lanes<T>::n || job.x_inner != 1 ||
        lead + 1 != job.levels)
      return false;
    const bool mean = job.lift == VALUE && job.merge0 == SUM && job.merge1 < 0 && job.finish == DIVIDE &&
                      job.weighting == TOTAL;
    if (!mean || job.y_type != job.x_type || job.omit || a.source || job.rate != 0) return false;
    Index read = 0;
    for (Index o = 0; o < a.windows; ++o) read += a.length[o];
    return read <= 2 * a.size;
  }

  // The means of windows [from, to) of some items, of which the first is number `offset` of the result.
  int tile(Index item, Index items, Index from, Index to, Index offset) {
    T* y = static_cast<T*>(job.y) + offset;
    for (Index i = item; i < item + items; ++i) {
      const auto [x, w] = offsets(i);
      for (Index o = from; o < to; ++o, y += job.inner) {
        if (!weights_of(o, w)) return INVALID_WEIGHT;
        mean(static_cast<const T*>(job.x) + x, y);
      }
    }
    return DONE;
  }

  // Where an item begins in x and in w.
  std::pair<Index, Index> offsets(Index item) const {
    Index x = 0, w = 0;
    for (int l = lead - 1; l >= 0; --l) {
      const auto& b = job.level[l];
      x += item % b.size * b.x_stride, w += item % b.size * b.w_stride, item /= b.size;
    }
    return {x, w};
  }

 protected:
  static constexpr Index together = 8, rows = 256;  // vectors in registers; rows that are added before others
  const anypool_job& job;
  const int lead;
  const anypool_level& a;
  Array<Index> at;  // where the present rows of a window begin
  Array<T> share;   // their weights
  Array<float> singles;
  Array<double> doubles;

  bool weights_of(Index o, Index w) {
    at.clear(), share.clear();
    if (job.w_type == U8) {
      const auto* mask = static_cast<const std::uint8_t*>(job.w);
      for_each(o, w, [&](Index x, Index i) {
        if (mask[i]) at.push_back(x), share.push_back(1);
      });
      return true;
    }
    return job.w_type == F32 ? numbers(static_cast<const float*>(job.w), singles, o, w)
                             : numbers(static_cast<const double*>(job.w), doubles, o, w);
  }
  template <class Visit>
  void for_each(Index o, Index w, Visit visit) const {
    for (Index k = 0; k < a.length[o]; ++k) {
      const Index p = a.first[o] + k * a.step;
      visit(p * a.x_stride, w + p * a.w_stride);
    }
  }
  template <class W>
  bool numbers(const W* from, Array<W>& row, Index o, Index w) {
    row.clear();
    for_each(o, w, [&](Index x, Index i) {
      const W v = from[i];
      row.push_back(v);
      if (job.logs ? v > least<W> : v != 0) at.push_back(x), share.push_back(T(v));
    });
    const Index n = Index(row.size());
    if ((job.logs || job.checks) && !all_valid(job, row.data(), n)) return false;
    if (job.logs) return powers_of(row, n), true;
    return true;
  }
  // e^(a - the greatest of them); what is too small for a number is the least one, and stays present.
  template <class W>
  void powers_of(const Array<W>& row, Index n) {
    const W top = greatest_of_row(row.data(), n);
    Index k = 0;
    for (const W v : row)
      if (v > least<W>) share[k++] = T(v - top);
    if (powers_of_e(share.data(), k))
      for (T& e : share) e = std::max(e, std::numeric_limits<T>::denorm_min());
  }

 private:
  void mean(const T* x, T* y) {
    const Index n = Index(at.size()), c = job.inner;
    double total = 0;
    for (const T e : share) total += double(e);
    if (total == 0) {
      std::fill_n(y, c, T(job.empty));
      return;
    }
    for (Index lane = 0; lane < c; lane += together * Lanes<T>::n) {
      const Index left = c - lane;
      switch (std::min((left + Lanes<T>::n - 1) / Lanes<T>::n, together)) {
        case 1: lanes<1>(x + lane, y + lane, n, left, T(total)); break;
        case 2: lanes<2>(x + lane, y + lane, n, left, T(total)); break;
        case 3:
        case 4: lanes<4>(x + lane, y + lane, n, left, T(total)); break;
        default: lanes<together>(x + lane, y + lane, n, left, T(total));
      }
    }
  }
  template <int vectors>
  ANYPOOL_INLINE void lanes(const T* x, T* y, Index n, Index left, T total) {
    if (left >= vectors * Lanes<T>::n) added<vectors, true>(x, y, n, left, total);
    else added<vectors, false>(x, y, n, left, total);
  }
  template <int vectors, bool whole>
  void added(const T* x, T* y, Index n, Index left, T total) {
    using L = Lanes<T>;
    typename L::V all[vectors]{};
    for (Index begin = 0; begin < n; begin += rows) {
      typename L::V sum[vectors]{};
      const Index end = std::min(begin + rows, n);
      for (Index k = begin; k < end; ++k) {
        const T* row = x + at[k];
        const auto e = L::fill(share[k]);
        ask<0>(x + at[std::min(k + 8, n - 1)], 0, std::min<Index>(left, vectors * L::n) * Index(sizeof(T)));
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v)
          sum[v] =
              fused(whole ? L::load(row + v * L::n) : L::load(row + v * L::n, left - v * L::n), e, sum[v]);
      }
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) all[v] += sum[v];
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      if (left > v * L::n) L::store(y + v * L::n, all[v] / total, left - v * L::n);
  }
};
}  // namespace anypool::ANYPOOL_ISA
