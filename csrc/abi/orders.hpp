// The C ABI's record of an order statistic over regular windows, and who runs it.
#pragma once
#include <cstdint>

#include "abi/job.hpp"

extern "C" {
// One pooled axis of regular windows: window o holds positions start + o*stride + t*step, t < size.
struct anypool_span {
  std::int64_t windows, size, stride, step, start;
  std::int64_t extent, x_stride, y_stride;  // positions; elements from one to the next
  const std::int64_t* source;               // (extent,) real position, -1 the border's constant; null: itself
};
struct anypool_orders {
  const void* x;
  void* y;
  std::int64_t type, y_type;              // element types
  std::int64_t batches;                   // items apart from each other
  const std::int64_t *batch_x, *batch_y;  // (batches,) where each begins, in elements
  anypool_span span[3];                   // planes, rows, columns
  std::int64_t inner;                     // contiguous elements at each column
  const std::int32_t* code;
  std::int64_t words;
  const std::int32_t* outputs;
  std::int64_t scratch, registers, tile_rows, tile_columns, reach, ranks;
  std::int64_t blend;  // of two ranks: 0 none, 1 their mean, 2 low + (high - low) * share
  double share;
  std::uint64_t key;  // names the program among the generated networks
  std::int64_t fill;  // the border's constant, as bits of x's type
  // Answers by how many elements a window holds: one rank, two, or all.
  std::int64_t terms, full;             // 0: the ranks as they are; the most elements
  const std::int32_t *low, *high;       // (full + 1,) which of the ranks; low < 0: there is no answer
  const double *shares, *coefficients;  // (full + 1,) and (full + 1, ranks)
  const std::uint8_t* mask;             // laid as x: elements where it is 0 are absent; null: none
  std::int64_t omit;                    // NaN elements are absent
  std::int64_t empty, has_empty;        // what is written where there is no answer, as bits of y's type
  std::int64_t runs;                    // of the windows' footprint; 0: windows are boxes
  const anypool_run* run;
};
const char* anypool_isa() noexcept;
}

namespace anypool {
enum class Do {
  CE,
  MIN,
  MAX,
  PICK,
  SORT,
  MODE,
  MODE_BUT
};  // of a network: both, one, the least of the greater ones, sort, mode, mode of all but a label (whose key
    // follows)
constexpr std::int64_t MOST_RANKS = 128;
constexpr std::int32_t STAGED = 1 << 30, ROW = 1 << 29, NEXT_LOOP = -2;
// How a job is cut into tasks: batch items, side by side in lanes where they are small; chunks of the inner
// elements; strips of tiles; bands of rows.
struct OrdersCut {
  std::int64_t chunk, chunks, tiles, strips, group, groups, band, bands, pitch, tasks, direct;
  std::int64_t bare;  // float32 as numbers, not keys: DECLINED where there is a NaN
};
// Generated networks know how far apart rows lie, in cache lines of 64 bytes, by the rows that their program
// takes: with one unknown to the compiler, two of five instructions of a 5x5 median made addresses.
constexpr std::int64_t straight_lines(std::int64_t scratch) { return scratch > 64 ? 33 : 65; }
constexpr int AGAIN = 3;      // to be called again without a key
constexpr int UNDEFINED = 4;  // a window has no answer, and there is no value for that
// Whether elements may be absent, so that the present ones of each window are counted.
inline bool lacks(const anypool_orders& job) { return job.terms && (job.mask || job.omit); }
using OrdersKernel = int (*)(const anypool_orders&, const OrdersCut&, std::int64_t begin, std::int64_t end);
}  // namespace anypool
