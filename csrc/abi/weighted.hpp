// The C ABI's record of the gradient of weighted sums and means.
#pragma once
#include "abi/job.hpp"

extern "C" {
// Items of dense elements; x, w and gx have one number for each element, g and y one for each window.
struct anypool_weighted {
  const anypool_job* total;    // the sum of one item's weights in each window; null: nothing is divided
  const anypool_job* adjoint;  // the sum for each element of one item over the windows that contain it
  const void *x, *w, *g, *y;
  void *gx, *gw;  // gw: null where the weights do not learn
  std::int64_t items, elements, windows;
  std::int64_t type;    // float32 or float64, of all numbers
  std::int64_t w_type;  // that type, or U8: a mask
  std::int64_t logs;    // the weights are e^w
};
}

namespace anypool {
using WeightedKernel = int (*)(const anypool_weighted&, std::int64_t begin, std::int64_t end);
// Rows of lanes with one weight each: a fold's job, of which y holds the means, place the gradients of x, g
// those of the means; gw takes those of the weights, or is null.
using RowsKernel = int (*)(const anypool_job&, void* gw, std::int64_t begin, std::int64_t end);
}  // namespace anypool
