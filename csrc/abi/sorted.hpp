// The C ABI's record of windows that are sorted and given back as rows: the finish is the order statistic's
// own.
#pragma once
#include "abi/lists.hpp"

extern "C" {
// Windows [begin, begin + count), numbered row by row; what they give is laid (places, count).
struct anypool_sorted {
  const void *x, *w;                  // elements; weights, null: none
  std::int64_t type, w_type, rows;    // rows: how many arrays of the pooled axes
  const std::int64_t *row_x, *row_w;  // (rows,) where each begins
  anypool_pick pick[3];               // the first ones may be trivial: one position
  std::int64_t w_stride[3];
  std::int64_t places, begin, count;  // places: the most elements in a window
  std::int64_t fill;                  // the border's constant, as bits of x's type
  std::int64_t omit, flipped;         // NaN elements are absent; of those that tie, the last comes first
  void* values;                       // ascending, what is absent behind all; halves as float32
  double *masses, *cumulated;         // the weight of each and all up to it; null: not asked for
  std::int32_t* order;                // the place in its window of each; null: not asked for
  std::int64_t* present;              // (count,) how many there are
  std::uint8_t* nan;                  // (count,) whether one of them is NaN
  // Of a gradient: that of each value, and the elements' (doubles for doubles, else floats), to which it is
  // added.
  const void* g;
  void* gx;
  const std::int64_t* row_g;
  std::int64_t g_stride[3];
  std::int64_t ties;    // of equal values: 0 each its own, 1 the first takes all, 2 the last, 3 they share
  const double* table;  // taps that are no product: the picks' taps then sum to a place in it; null: they are
                        // multiplied
};
}

namespace anypool {
// begin < 0 asks how many tasks there are.
using SortedKernel = int (*)(const anypool_sorted&, int spread, std::int64_t begin, std::int64_t end);
}  // namespace anypool
