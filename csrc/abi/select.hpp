// The C ABI's record of order statistics of large windows, each selected from its own elements.
#pragma once
#include <cstdint>

extern "C" {
// One pooled axis: window o holds `length[o]` positions from first[o] on.
struct anypool_extent {
  std::int64_t windows, stride;  // elements of x from one position of a window to the next
  const std::int64_t* first;     // (windows,) in elements of x
  const std::int64_t* length;    // (windows,)
};
struct anypool_select {
  const void* x;
  const std::uint8_t* mask;  // laid as x: elements where it is 0 are absent; null: none
  void* y;                   // (rows, windows of each axis)
  std::int64_t type, real;   // real: y is double
  std::int64_t rows;
  const std::int64_t* row;  // (rows,) where each begins, in elements of x
  anypool_extent axis[3];
  const std::int64_t* count;       // of each answer: how many elements it is of
  const std::int64_t *low, *high;  // its rank, and the next one or the same; -1: there is no answer
  const double* share;
  std::int64_t blend;   // of two ranks: 0 none, 1 their mean, 2 low + (high - low) * share
  std::int64_t omit;    // NaN elements are absent
  std::int64_t ranked;  // a NaN is the largest number; else an answer of its window
  std::int64_t empty;   // what is written where there is no answer, as bits of y's type
};
}

namespace anypool {
// Every window, on the threads.
using SelectKernel = int (*)(const anypool_select&, std::int64_t threads);
}  // namespace anypool
