// The histogram of bytes under a footprint that slides along a row: elements enter and leave at the ends of
// its runs (Huang, Yang & Tang 1979).
#pragma once
#include <algorithm>

#include "abi/orders.hpp"
#include "ranks/histograms.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
class UnderFootprint {
 public:
  explicit UnderFootprint(const anypool_orders& job)
      : run(job.run, job.run + job.runs), columns(job.span[2].size), place(job.span[1].size * columns, 0) {
    for (const auto& r : run) std::fill_n(place.data() + r.row * columns + r.first, r.length, 1);
  }

  // Whether a place of the window's box belongs to it.
  ANYPOOL_INLINE bool holds(Index row, Index column) const { return place[row * columns + column]; }

  // The elements among 64 of the box that belong to the window of row o and column c.
  ANYPOOL_INLINE std::uint64_t among(std::uint64_t box, const std::uint8_t* row, const std::uint8_t* column,
                                     Index o, Index c) const {
    std::uint64_t found = 0;
    for (; box; box &= box - 1) {
      const int i = __builtin_ctzll(box);
      found |= std::uint64_t(holds(row[i] - o, column[i] - c)) << i;
    }
    return found;
  }

  // Windows next to each other over a plane of bytes; give(row of windows, column, this) answers each, and
  // end(row) a row.
  template <class Give, class End>
  void slide(const std::uint8_t* plane, Index pitch, Index across, Index down, Give give, End end) {
    for (Index o = 0; o < down; ++o) {
      h = Histogram{};
      for (const auto& r : run)
        for (Index j = 0; j < r.length; ++j) add(plane[(o + r.row) * pitch + r.first + j], 1);
      for (Index c = 0; c < across; ++c) {
        if (c) advance(plane + o * pitch + c - 1, pitch);
        give(o, c, *this);
      }
      end(o);
    }
  }
  ANYPOOL_INLINE Found find(Index rank) {
    const Found high = bin_of(h.coarse, rank), low = bin_of(h.fine[high.bin], high.rank);
    return {high.bin << 4 | low.bin, low.rank};
  }

 private:
  Array<anypool_run> run;
  const Index columns;
  Array<std::uint8_t> place;
  Histogram h{};

  ANYPOOL_INLINE void add(int value, int by) {
    reinterpret_cast<std::uint16_t*>(&h.coarse)[value >> 4] += std::uint16_t(by);
    reinterpret_cast<std::uint16_t*>(h.fine)[value] += std::uint16_t(by);
  }
  ANYPOOL_INLINE void advance(const std::uint8_t* x, Index pitch) {
    for (const auto& r : run) {
      const std::uint8_t* begin = x + r.row * pitch + r.first;
      add(begin[0], -1), add(begin[r.length], 1);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
