// Histograms of bytes in a window that slides over a plane: one for each column of the window's height, and
// one that columns enter and leave; its fine bins are renewed only where a rank is looked for (Perreault &
// Hebert 2007). The work does not grow with the window.
#pragma once
#include <algorithm>

#include "simd/scratch.hpp"
#include "simd/words.hpp"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace anypool::ANYPOOL_ISA {
typedef std::uint16_t Bins __attribute__((vector_size(32)));
struct Histogram {
  Bins coarse, fine[16];
};
struct Found {
  int bin;
  Index rank;  // in the bin
};

// The running sums of sixteen bins.
ANYPOOL_INLINE Bins sums(Bins v) {
  const Bins zero{};
  v += __builtin_shufflevector(zero, v, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  v += __builtin_shufflevector(zero, v, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  v += __builtin_shufflevector(zero, v, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
  v += __builtin_shufflevector(zero, v, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
  return v;
}
// How many of the running sums are at most `rank`: the bin that holds it, and the rank inside the bin.
ANYPOOL_INLINE Found bin_of(Bins v, Index rank) {
  const Bins upto = sums(v);
  const Bins over = (Bins)(upto <= (Bins{} + std::uint16_t(rank)));
#if defined(__AVX2__)
  const int bin = __builtin_popcount(_mm256_movemask_epi8((__m256i)over)) / 2;
#else
  int bin = 0;
  for (int i = 0; i < 16; ++i) bin += over[i] != 0;
#endif
  return {bin, bin ? rank - upto[bin - 1] : rank};
}

// The histogram of one window, as far as it is known.
struct Sliding {
  const Histogram* column;
  const Index size;  // columns
  Histogram h{};
  Index at = 0, seen[16];  // the window, and that which each sixteen fine bins are of

  Sliding(const Histogram* columns, Index k) : column(columns), size(k) {
    std::fill_n(seen, 16, Index(-1) << 40);
    for (Index c = 0; c < k - 1; ++c) h.coarse += column[c].coarse;
  }
  ANYPOOL_INLINE void enter() { h.coarse += column[at + size - 1].coarse; }
  ANYPOOL_INLINE void leave() { h.coarse -= column[at++].coarse; }
  ANYPOOL_INLINE Found find(Index rank) {
    const Found high = bin_of(h.coarse, rank);
    Bins& fine = h.fine[high.bin];
    if (Index& s = seen[high.bin]; s != at) {
      if (2 * (at - s) < size)
        for (Index t = s; t < at; ++t) fine += column[t + size].fine[high.bin] - column[t].fine[high.bin];
      else {
        fine = Bins{};
        for (Index t = 0; t < size; ++t) fine += column[at + t].fine[high.bin];
      }
      s = at;
    }
    const Found low = bin_of(fine, high.rank);
    return {high.bin << 4 | low.bin, low.rank};
  }
};

// Positions [from, to) of an axis that are elements; the others are absent.
struct Range {
  Index from, to;
  bool holds(Index at) const { return at >= from && at < to; }
  Index inside(Index at, Index n) const { return std::min(at + n, to) - std::max(at, from); }
};
// Windows of rows×columns bytes of a plane, next to each other; give(row of windows, column, find) answers
// each, and end(row) a row.
class Histograms {
  Array<Histogram> column;

 public:
  template <class Give, class End>
  void slide(const std::uint8_t* plane, Index pitch, Range tall, Range wide, Index rows, Index columns,
             Index down, Index across, Give give, End end) {
    column.assign(across + columns - 1, Histogram{});
    const auto count = [&](Index r, int by) {
      if (!tall.holds(r)) return;
      const std::uint8_t* row = plane + r * pitch;
      for (Index c = wide.from; c < wide.to; ++c) {
        Histogram& h = column[c];
        reinterpret_cast<std::uint16_t*>(&h.coarse)[row[c] >> 4] += std::uint16_t(by);
        reinterpret_cast<std::uint16_t*>(h.fine)[row[c]] += std::uint16_t(by);
      }
    };
    for (Index r = 0; r < rows; ++r) count(r, 1);
    for (Index o = 0; o < down; ++o) {
      if (o > 0) count(o - 1, -1), count(o + rows - 1, 1);
      Sliding window(column.data(), columns);
      for (Index c = 0; c < across; ++c) {
        window.enter();
        give(o, c, window);
        window.leave();
      }
      end(o);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
