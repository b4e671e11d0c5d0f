// Windows of up to four elements in any places along a row: where each element lies, found once.
#pragma once
#include <algorithm>
#include <vector>

#include "job.hpp"
#include "merges.hpp"
#include "quotient.hpp"

namespace anypool::ANYPOOL_ISA {
template <class M, class T>
struct Places {
  using L = Lanes<T>;
  std::vector<std::int32_t> at;  // place by place, a window after the other; what is missing is the margin after the row
  std::vector<std::int32_t> from, lane;  // of each vector of windows: where its elements begin, and which they are from there
  Index windows = 0, places = 0, size = 0;
  Index margin = 0;   // 1: some window lacks an element
  bool near = false;  // whether each vector of windows lies in two of elements
  bool direct = false;  // whether the level above has one row a window: none is folded first
  T divisor = 0;      // a mean's windows leave as means, if it is not 0

  void of(const anypool_job& job) {
    const anypool_level &a = job.level[job.levels - 1], &above = job.level[job.levels - 2];
    windows = a.windows, places = a.places, size = a.size;
    for (Index o = 0; o < windows; ++o) margin |= a.length[o] < places;
    at.resize(places * windows);
    for (Index t = 0; t < places; ++t)
      for (Index o = 0; o < windows; ++o) at[t * windows + o] = std::int32_t(t < a.length[o] ? a.first[o] + t * a.step : a.size);
    bool present = above.windows > 0;
    for (Index l = 0; l < job.levels; ++l)
      for (Index o = 0; present && o < job.level[l].windows; ++o) present = job.level[l].length[o];
    direct = present && !margin && above.places == 1;
    if (std::is_floating_point_v<T> && present && job.finish == DIVIDE && job.divisor != 0 && job.plane_type == job.y_type && job.merge1 < 0 && job.y) divisor = T(job.divisor);
    if constexpr (picks<T>) {
      near = true;
      for (Index t = 0; t < places; ++t)
        for (Index o = 0; o < windows; o += L::n) {
          const std::int32_t* p = at.data() + t * windows + o;
          const auto [low, high] = std::minmax_element(p, p + std::min(L::n, windows - o));
          near &= *high - *low < 2 * L::n;
          from.push_back(*low);
          for (Index i = 0; i < L::n; ++i) lane.push_back(o + i < windows ? p[i] - *low : 0);
        }
    }
  }

  void fold(const T* row, Index pitch, T* result, Index result_pitch, Index rows) const {
    const std::int32_t* p = at.data();
    for (Index r = 0; r < rows; ++r, row += pitch, result += result_pitch) {
      ask<1>(result, 4096, windows * Index(sizeof(T)));
      if (near) pick(row, result);
      else if (places == 1)
        for (Index o = 0; o < windows; ++o) result[o] = row[p[o]];
      else if (places == 2)
        for (Index o = 0; o < windows; ++o) result[o] = M::merge(row[p[o]], row[p[windows + o]]);
      else
        for (Index o = 0; o < windows; ++o) {
          T v = row[p[o]];
          for (Index t = 1; t < places; ++t) v = M::merge(v, row[p[t * windows + o]]);
          result[o] = v;
        }
      if constexpr (std::is_floating_point_v<T>)
        if (divisor != 0) divide(result, result, windows, divisor);
    }
  }

  // Windows [from, to) of one row each, of an axis whose position `base` is at x: rows that come again are copied.
  void fold_each(const T* x, const anypool_level& a, Index base, T* y, Index from, Index to) const {
    for (Index o = from; o < to; ++o, y += windows) {
      if (o > from && a.first[o] == a.first[o - 1]) std::copy_n(y - windows, windows, y);
      else fold(x + (a.first[o] - base) * size, 0, y, 0, 1);
    }
  }

  // Measured against fetching lane by lane: the gradient of a mean 2x2/2 (16x64x112x112, two threads) 5.4 -> 2.6 ms, most of it by making no row twice.
  void pick(const T* row, T* result) const {
    const Index vectors = (windows + L::n - 1) / L::n;
    for (Index v = 0, o = 0; o < windows; ++v, o += L::n) {
      typename L::V total{};
      for (Index t = 0; t < places; ++t) {
        const Index begin = from[t * vectors + v], left = size + margin - begin;
        const auto low = L::load(row + begin, left), high = L::load(row + begin + L::n, left - L::n);
        const auto found = picked<T>(low, high, Lanes<std::int32_t>::load(lane.data() + (t * vectors + v) * L::n));
        total = t ? M::merge(total, found) : found;
      }
      L::store(result + o, total, windows - o);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
