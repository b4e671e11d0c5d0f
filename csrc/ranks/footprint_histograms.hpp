// The histogram of bytes under a footprint that slides along a row: elements enter and leave at the ends of
// its runs, and the bin of the last rank is where the search for the next one begins (Huang, Yang & Tang
// 1979).
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
      std::fill_n(count, 256, std::uint16_t(0)), bin = 0, below = 0;
      for (const auto& r : run)
        for (Index j = 0; j < r.length; ++j) ++count[plane[(o + r.row) * pitch + r.first + j]];
      for (Index c = 0; c < across; ++c) {
        if (c) advance(plane + o * pitch + c - 1, pitch);
        give(o, c, *this);
      }
      end(o);
    }
  }
  ANYPOOL_INLINE Found find(Index rank) {
    while (below > rank) below -= count[--bin];
    while (below + count[bin] <= rank) below += count[bin++];
    return {bin, rank - below};
  }

 private:
  Array<anypool_run> run;
  const Index columns;
  Array<std::uint8_t> place;
  std::uint16_t count[256];
  int bin = 0;      // where the last rank was
  Index below = 0;  // elements in lower bins

  ANYPOOL_INLINE void advance(const std::uint8_t* x, Index pitch) {
    Index more = 0;
    for (const auto& r : run) {
      const std::uint8_t* begin = x + r.row * pitch + r.first;
      const int out = begin[0], in = begin[r.length];
      --count[out], ++count[in], more += (in < bin) - (out < bin);
    }
    below += more;
  }
};
}  // namespace anypool::ANYPOOL_ISA
