// The C ABI's records: one call as plain integers and pointers, the same for every fold.
#pragma once
#include <cstdint>

extern "C" {
// One level of the array, outermost first: a batch (windows = 0) or a pooled axis.
struct anypool_level {
  std::int64_t size;                // input length, the border included
  std::int64_t windows;             // output length of a pooled axis, 0 for a batch
  std::int64_t places;              // most elements in a window
  std::int64_t step;                // distance between neighbours in a window
  std::int64_t affine;              // 1: window o is [start + o*stride, + places*step) clipped to the axis
  std::int64_t start, stride;       // of the unclipped windows
  std::int64_t x_stride, w_stride;  // elements from one position to the next
  std::int64_t real;                // input length without the border, which positions are counted in
  const std::int64_t* first;        // (windows,) first present element
  const std::int64_t* length;       // (windows,) how many are present
  const double* count;              // (windows,) what a mean divides by, this axis' factor
  const std::int64_t* source;       // (size,) real position, -1 the border's constant; null: itself
};
// A run of a footprint: `length` positions of the last pooled axis from `first` on, in row `row` of a
// window's box (the places on the other pooled axes, the last of them fastest), with one weight.
struct anypool_run {
  std::int64_t row, first, length;
  double weight;
};
// A fold is a lift (element -> one or two planes of numbers, and one of weights), a merge of each plane, and
// a finish (planes -> answer). An absent element is lifted to the identity element of each merge; a weight is
// a factor of sums.
struct anypool_job {
  const void* x;
  const void* w;  // weights, or null
  void* y;
  void* place;    // where a selection's elements lie, or null; of a gradient, the elements' gradients
  const void* g;  // of a gradient: the windows' gradients
  std::int64_t levels;
  const anypool_level* level;
  std::int64_t inner, x_inner, w_inner;  // lanes under the last level, and their strides
  std::int64_t x_type, w_type, y_type, place_type, plane_type;
  std::int64_t lift, merge0, merge1, weighting, finish;  // merge1 = -1: one plane of values
  std::int64_t staged;                                   // 0: the engine reads x itself
  std::int64_t omit;                                     // NaN elements are absent
  std::int64_t logs;       // w holds logarithms of weights: NaN and +infinity are invalid
  std::int64_t checks;     // of real weights: which are invalid
  std::int64_t min, last;  // of selections: the smallest, the last of those that tie
  std::int64_t fill;       // the border's constant, as bits of x's type
  double empty, divisor;   // value of an empty window; overrides the counts where not 0
  double rate, ddof;       // the fold's parameters
  std::int64_t threads;    // 0: the pool's own number
  std::int64_t runs;       // of the windows' footprint, in the order of rows; 0: windows are boxes
  const anypool_run* run;
};
}

namespace anypool {
enum Type { F32, F64, F16, BF16, U8, I8, U16, I16, U32, I32, U64, I64, TYPES };
enum Merge { SUM, MAX, MIN, PROD, MOMENTS, MERGES };
enum Lift { VALUE, TRUTH, MAGNITUDE, SQUARE, EXP, EXP_VALUE, SHIFTED, PLACE, PRESENT_ONES };
enum Finish { PLAIN, DIVIDE, ROOT, DIVIDE_ROOT, LOG, DIVIDE_LOG, RATIO, DIFFERENCE, VAR, STD, SELECT };
// The plane of weights: none, 1 where an element is present, the weight.
enum Weighting { UNWEIGHTED, PRESENCE, TOTAL };
// Which real weights are valid: any, finite ones, finite ones of at least 0.
enum Checks { ANY_WEIGHT, FINITE, NOT_NEGATIVE };
enum Outcome { DONE = 0, NO_MEMORY = 1, DECLINED = 2, INVALID_WEIGHT = 3 };

constexpr int most_planes = 3;  // two of values, and the weights
inline bool has_plane(const anypool_job& job, int k) {
  return k == 0 || (k == 1 ? job.merge1 >= 0 : job.weighting != UNWEIGHTED);
}
inline std::int64_t merge_of(const anypool_job& job, int k) {
  return k == 0 ? job.merge0 : k == 1 ? job.merge1 : std::int64_t(job.weighting == PRESENCE ? MAX : SUM);
}
// Whether a plane of weights holds what a footprint weighs alone, for no element is absent or has a weight.
inline bool counts_places(const anypool_job& job) {
  return job.weighting != UNWEIGHTED && job.runs && !job.w && !job.omit;
}
inline bool is_float(std::int64_t type) { return type <= BF16; }
constexpr std::int64_t sizes[TYPES] = {4, 8, 2, 2, 1, 1, 2, 2, 4, 4, 8, 8};  // bytes of an element

// Integers are folded as keys of one type for each width: the other signedness has its top bit flipped, and
// the least one is the greatest of complements. Bytes have both merges: images are eroded as they are
// dilated.
constexpr Type folded_type[TYPES] = {F32, F64, F32, F32, U8, U8, U16, U16, I32, I32, I64, I64};
// Whether engines of this type fold elements where they lie, and write the results: nothing is lifted or
// finished.
constexpr bool has_engine(std::int64_t type, std::int64_t merge) {
  return type == F32 || type == F64 || type == U8 ||
         (merge == MAX ? type == U16 || type == I16 || type == I32 || type == I64
                       : merge == MIN && (type == U16 || type == I16 || type == I32));
}
inline bool folds_elements(const anypool_job& job) {
  return !job.staged && job.lift == VALUE && job.finish == PLAIN && job.plane_type == job.y_type &&
         job.merge1 < 0 && job.weighting == UNWEIGHTED && has_engine(job.plane_type, job.merge0);
}
inline std::int64_t engine_type(const anypool_job& job) {
  return folds_elements(job) ? job.plane_type : std::int64_t(folded_type[job.plane_type]);
}
inline bool folds_complements(const anypool_job& job, int k) {
  return merge_of(job, k) == MIN && !is_float(job.plane_type) && folded_type[job.plane_type] != U8 &&
         !folds_elements(job);
}
inline std::int64_t folded_merge(const anypool_job& job, int k) {
  return folds_complements(job, k) ? std::int64_t(MAX) : merge_of(job, k);
}
// What turns a number of plane k into its key, and back, by an exclusive or; 0: it is its own key.
inline std::int64_t key_of(const anypool_job& job, int k) {
  if (k > 1 || !has_plane(job, k) || is_float(job.plane_type) || folds_elements(job)) return 0;
  if (merge_of(job, k) != MAX && merge_of(job, k) != MIN) return 0;
  const std::int64_t top = std::int64_t(std::uint64_t(1) << (8 * sizes[job.plane_type] - 1));
  return (folded_type[job.plane_type] != job.plane_type ? top : 0) ^ -std::int64_t(folds_complements(job, k));
}
// Whether x is lifted into scratch; otherwise engines read x itself.
inline bool is_staged(const anypool_job& job) {
  return job.staged || key_of(job, 0) != 0 || key_of(job, 1) != 0;
}
inline int planes_of(const anypool_job& job) { return 1 + has_plane(job, 1) + has_plane(job, 2); }

// Runs tiles [begin, end) of a job.
using Kernel = int (*)(const anypool_job&, std::int64_t begin, std::int64_t end);
std::int64_t tiles(const anypool_job& job);
// How a job is cut: fixed by its shape, so that results never depend on the number of threads.
struct Cut {
  int lead;                   // the first pooled level
  std::int64_t items, group;  // batch items, and how many a tile holds
  std::int64_t chunk, parts;  // lead windows a tile holds, and parts an item has
};
Cut cut(const anypool_job& job);
}  // namespace anypool
