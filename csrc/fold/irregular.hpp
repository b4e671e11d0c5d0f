// Windows of few elements in any places along a row: where each element lies, or which elements begin one,
// found once.
#pragma once
#include <algorithm>
#include <bit>

#include "abi/job.hpp"
#include "fold/division.hpp"
#include "fold/merges.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class M, class T>
struct Places {
  using L = Lanes<T>;
#if defined(__AVX512F__)
  static constexpr bool presses = sizeof(T) >= 4;
#else
  static constexpr bool presses = false;
#endif
  static constexpr Index most = presses ? 8 : 4;  // elements a window
  Array<std::uint16_t>
      begins;  // for each vector of the row, place by place: which lanes begin a window of more elements
  Array<std::int32_t>
      at;  // place by place, a window after the other; what is missing is the margin after the row
  Array<std::int32_t> from, lane;  // of each vector of windows, place by place: where its elements begin, and
                                   // which they are from there
  Array<std::uint16_t> held;       // and which windows have one
  Index windows = 0, places = 0, size = 0;
  Index margin = 0;     // 1: some window lacks an element
  bool near = false;    // whether each vector of windows lies in two of elements
  bool direct = false;  // whether the level above has one row a window: none is folded first

  bool empty() const { return !windows; }

  // Whether it serves the last level's windows, whose row has a margin of nothing.
  bool of(const anypool_job& job) {
    const anypool_level &a = job.level[job.levels - 1], &above = job.level[job.levels - 2];
    if (!above.windows || a.places < 1 || a.places > most || a.size >= 0x7fffffff)
      return false;  // rows that were folded first
    bool ahead = presses && a.step == 1, present = true;
    for (Index o = 0; ahead && o < a.windows; ++o)
      ahead = a.length[o] > 0 && (o == 0 || a.first[o] > a.first[o - 1]);
    if (!ahead && a.places > 4) return false;
    windows = a.windows, places = a.places, size = a.size;
    for (Index o = 0; o < windows; ++o) margin |= a.length[o] < places;
    for (Index l = 0; l < job.levels; ++l)
      for (Index o = 0; present && o < job.level[l].windows; ++o) present = job.level[l].length[o];
    if (ahead) begin_lanes(a);
    else find_lanes(a);
    direct = present && !margin && above.places == 1 && !ahead;
    return true;
  }

  void begin_lanes(const anypool_level& a) {
    begins.resize((a.size + L::n - 1) / L::n * places);
    for (Index o = 0; o < windows; ++o)
      for (Index t = 0; t < a.length[o]; ++t)
        begins[a.first[o] / L::n * places + t] |= std::uint16_t(1u << a.first[o] % L::n);
  }

  void find_lanes(const anypool_level& a) {
    at.resize(places * windows);
    for (Index t = 0; t < places; ++t)
      for (Index o = 0; o < windows; ++o)
        at[t * windows + o] = std::int32_t(t < a.length[o] ? a.first[o] + t * a.step : a.size);
    near = picks<T>;
    for (Index t = 0; picks<T> && t < places; ++t)
      for (Index o = 0; o < windows; o += L::n) {
        Index low = size, high = 0;
        std::uint16_t there = 0;
        for (Index i = 0; i < std::min(L::n, windows - o); ++i)
          if (const Index p = at[t * windows + o + i]; p < size)
            low = std::min(low, p), high = std::max(high, p), there |= std::uint16_t(1u << i);
        near &= high - low < 2 * L::n;
        from.push_back(std::int32_t(low)), held.push_back(there);
        for (Index i = 0; i < L::n; ++i)
          lane.push_back(there >> i & 1 ? at[t * windows + o + i] - std::int32_t(low) : 0);
      }
  }

  void fold(const T* row, Index pitch, T* result, Index result_pitch, Index rows) const {
    const std::int32_t* p = at.data();
    for (Index r = 0; r < rows; ++r, row += pitch, result += result_pitch) {
      ask<1>(result, 4096, windows * Index(sizeof(T)));
      if (!begins.empty()) press(row, result);
      else if (near) pick(row, result);
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
    }
  }

  // Windows [from, to) of one row each, of an axis whose position `base` is at x: rows that come again are
  // copied.
  void fold_each(const T* x, const anypool_level& a, Index base, T* y, Index from, Index to,
                 Division<T>& division) const {
    for (Index o = from; o < to; ++o, y += windows) {
      if (o > from && a.first[o] == a.first[o - 1] && a.count[o] == a.count[o - 1]) {
        std::copy_n(y - windows, windows, y);
        continue;
      }
      fold(x + (a.first[o] - base) * size, 0, y, 0, 1);
      if (division.serves) division.rows(y, windows, o, o + 1);
    }
  }

  // Measured against fetching lane by lane: the gradient of a mean 2x2/2 (16x64x112x112, two threads) 5.4
  // -> 2.6 ms, most of it by making no row twice; 3x3/2 4.8 -> 3.4.
  void pick([[maybe_unused]] const T* row, [[maybe_unused]] T* result) const {
    if constexpr (picks<T>) {
      const Index vectors = (windows + L::n - 1) / L::n;
      for (Index v = 0, o = 0; o < windows; ++v, o += L::n) {
        auto total = L::fill(M::nothing);
        for (Index t = 0; t < places; ++t) {
          const Index k = t * vectors + v, begin = from[k], left = size - begin;
          const auto low = L::load(row + begin, left), high = L::load(row + begin + L::n, left - L::n);
          const auto found = picked<T>(low, high, Lanes<std::int32_t>::load(lane.data() + k * L::n));
          total = select(held[k], t ? M::merge(total, found) : found, total);
        }
        L::store(result + o, total, windows - o);
      }
    }
  }

  // Every element merges what its window adds, and those that begin a window move together. Overlapping
  // windows of 2 and 3 in 112-wide rows took 190 cycles a row to gather.
  void press([[maybe_unused]] const T* row, [[maybe_unused]] T* result) const {
#if defined(__AVX512F__)
    if constexpr (presses) {
      Index left = windows;
      const std::uint16_t* mask = begins.data();
      for (; left > 0; row += L::n, mask += places) {
        auto v = L::load(row);
        for (Index t = 1; t < places; ++t) v = select(mask[t], M::merge(v, L::load(row + t)), v);
        typename L::V together;
        if constexpr (sizeof(T) == 4)
          together = (typename L::V)_mm512_maskz_compress_epi32(mask[0], (__m512i)v);
        else together = (typename L::V)_mm512_maskz_compress_epi64(__mmask8(mask[0]), (__m512i)v);
        L::store(result, together, left);
        const Index many = std::popcount(mask[0]);
        result += many, left -= many;
      }
    }
#endif
  }

#if defined(__AVX512F__)
  static ANYPOOL_INLINE auto select(std::uint16_t mask, typename L::V a, typename L::V b) {
    if constexpr (sizeof(T) == 4) return (typename L::V)_mm512_mask_blend_epi32(mask, (__m512i)b, (__m512i)a);
    else return (typename L::V)_mm512_mask_blend_epi64(__mmask8(mask), (__m512i)b, (__m512i)a);
  }
#endif
};
}  // namespace anypool::ANYPOOL_ISA
