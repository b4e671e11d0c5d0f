// Windows of few elements in any places along a row: where each element lies, or which elements begin one, found once.
#pragma once
#include <bit>
#include <vector>

#include "job.hpp"
#include "merges.hpp"

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
  std::vector<std::int32_t> at;   // place by place, a window after the other; what is missing is the margin after the row
  std::vector<std::uint16_t> begins;  // for each vector of the row, place by place: which lanes begin a window of more elements
  Index windows = 0, places = 0;

  bool empty() const { return !windows; }

  // Whether it serves these windows, whose row has a margin of nothing.
  bool of(const anypool_level& a) {
    if (a.places < 1 || a.places > most || a.size >= 0x7fffffff) return false;
    bool ahead = presses && a.step == 1;
    for (Index o = 0; ahead && o < a.windows; ++o) ahead = a.length[o] > 0 && (o == 0 || a.first[o] > a.first[o - 1]);
    if (!ahead && a.places > 4) return false;
    windows = a.windows, places = a.places;
    if (ahead) {
      begins.resize((a.size + L::n - 1) / L::n * places);
      for (Index o = 0; o < windows; ++o)
        for (Index t = 0; t < a.length[o]; ++t) begins[a.first[o] / L::n * places + t] |= std::uint16_t(1u << a.first[o] % L::n);
      return true;
    }
    at.resize(places * windows);
    for (Index t = 0; t < places; ++t)
      for (Index o = 0; o < windows; ++o) at[t * windows + o] = std::int32_t(t < a.length[o] ? a.first[o] + t * a.step : a.size);
    return true;
  }

  void fold(const T* row, Index pitch, T* result, Index result_pitch, Index rows) const {
    const std::int32_t* p = at.data();
    for (Index r = 0; r < rows; ++r, row += pitch, result += result_pitch) {
      ask<1>(result, 4096, windows * Index(sizeof(T)));
      if (!begins.empty()) press(row, result);
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

  // Every element merges what its window adds, and those that begin a window move together. Overlapping windows of
  // 2 and 3 in 112-wide rows took 190 cycles a row to gather.
  void press([[maybe_unused]] const T* row, [[maybe_unused]] T* result) const {
#if defined(__AVX512F__)
    if constexpr (presses) {
      Index left = windows;
      const std::uint16_t* mask = begins.data();
      for (; left > 0; row += L::n, mask += places) {
        auto v = L::load(row);
        for (Index t = 1; t < places; ++t) v = select(mask[t], M::merge(v, L::load(row + t)), v);
        typename L::V together;
        if constexpr (sizeof(T) == 4) together = (typename L::V)_mm512_maskz_compress_epi32(mask[0], (__m512i)v);
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
