// The C ABI's records: one call as plain integers and pointers.
#pragma once
#include <cstdint>

extern "C" {
// One level of the array in memory order: a batch (windows = 0) or a pooled axis.
struct anypool_level {
  std::int64_t size;           // input length
  std::int64_t windows;        // output length of a pooled axis, 0 for a batch
  std::int64_t places;         // most elements in a window
  std::int64_t step;           // distance between neighbours in a window
  std::int64_t affine;         // 1: window o is [start + o*stride, + places*step) clipped to the axis
  std::int64_t start, stride;  // of the unclipped windows
  const std::int64_t* first;   // (windows,) first present element
  const std::int64_t* length;  // (windows,) how many are present
  const double* count;         // (windows,) what a mean divides by, this axis' factor
};
struct anypool_job {
  const void* x;
  void* y;
  std::int64_t levels;  // how many
  const anypool_level* level;
  std::int64_t inner;    // contiguous lanes under the last level
  std::int64_t kernel;   // number in the table
  double empty;          // value of a window that holds nothing
  double divisor;        // overrides the counts where not 0
  std::int64_t threads;  // 0: the pool's own number
};
}

namespace anypool {
// Runs tasks [begin, end) of a job; `tasks` says how many there are. Returns 0, or 1 when memory ran out.
using Kernel = int (*)(const anypool_job&, std::int64_t begin, std::int64_t end);
std::int64_t tasks(const anypool_job& job);
std::int64_t chunks(const anypool_job& job);  // slices of the first pooled level when batches are few
std::int64_t batches(const anypool_job& job);
constexpr int kernels = 8;  // {sum, mean, max, min} x {float, double}
}  // namespace anypool
