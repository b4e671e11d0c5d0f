// The C ABI's record of windows that list their elements: groups of products of lists along up to three axes.
#pragma once
#include <cstdint>

extern "C" {
// Row group·out + o of an axis lists what window o of the group takes: index[offsets[row] … offsets[row +
// 1]).
struct anypool_pick {
  std::int64_t out, size;  // windows a group, positions of the axis
  std::int64_t stride;     // elements of x from one position to the next
  const std::int64_t *offsets, *index;
  const double* taps;  // a weight each; null: all 1
};
struct anypool_lists {
  const void* x;  // of a gradient: what the windows were given
  void* y;        // of a gradient: what the elements get, zeroed
  void* place;    // of a selection: where in the pooled axes it lies, -1 nowhere; null if not asked for
  std::int64_t outer, x_outer, y_outer;  // items
  std::int64_t lanes, x_lane, y_lane;    // that share their lists
  std::int64_t images, x_image;          // that groups read from
  const std::int64_t *begin, *order;     // (images + 1,) groups of each image in `order`
  std::int64_t bins, y_group, y_bin;     // windows a group, and where their results lie
  anypool_pick pick[3];                  // the first ones may be trivial: one position
  const double* start;                   // (groups·bins,) each window's first value; null: the identity
  const double* n;                       // (groups·bins,) what a mean divides by; 0: an empty window
  double empty;                          // its value then
  const std::int64_t* owner;             // (positions,) each one's window, -1: none; null: several may be
  std::int64_t positions, parts;         // parts of the windows that are folded side by side
  std::int64_t type, merge, divide;
  std::int64_t scattered;  // a fold reads one axis of lists whose elements lie anywhere
};
// Order statistics of such windows: which ranks a window of so many elements takes, and how two are blended.
struct anypool_list_orders {
  anypool_lists lists;
  const std::int64_t *low, *high;  // (most + 1,) by count; low -1: too few elements
  const double* shares;            // (most + 1,)
  std::int64_t most;               // elements in a window
  std::int64_t blend;              // 0 none, 1 the mean, 2 low + (high - low) * share
  std::int64_t omit, ranked;       // a NaN is absent; a NaN counts as the largest, else it spoils its windows
  std::int64_t real;               // integers have real answers: doubles
  const double* terms;  // of a sum over the ranks: how much of each, one count after the other; null: ranks
  const std::int64_t* row;  // (most + 1,) where each count's begin
};
}

namespace anypool {
enum Way { FOLD, SPREAD, RETURN };  // forward; the gradient of a sum; the gradient of a selection
using ListWeightsKernel = int (*)(const anypool_lists&, double* const* to, std::int64_t begin,
                                  std::int64_t end);  // groups
using ListOrdersKernel = int (*)(const anypool_list_orders&, std::int64_t begin, std::int64_t end);
// Runs tasks [begin, end) of a job, of list_tasks() many.
using ListKernel = int (*)(const anypool_lists&, int way, std::int64_t begin, std::int64_t end);
}  // namespace anypool
