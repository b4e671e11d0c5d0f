// What the driver of tiles asks of lifts, merges and finishes, one implementation a type.
#pragma once
#include <algorithm>
#include <memory>
#include <new>

#include "abi/job.hpp"
#include "fold/merges.hpp"

namespace anypool::ANYPOOL_ISA {
struct Passes {
  virtual ~Passes() = default;
  // Fold `rows` rows from level l on: position `base` of that level is at x; its windows [from, to) go to y.
  virtual void run(int l, const void* x, Index pitch, Index rows, Index base, void* y, Index y_pitch,
                   Index from, Index to) = 0;
  // Whether what it folds is divided already.
  virtual bool divides() const { return false; }
  // `clear` writes the results of empty windows. `join` merges n results of later elements into those of
  // earlier ones; `rest`, if given, collects the rounding errors of float sums.
  virtual void clear(void*, Index) const {}
  virtual void join(const void*, void*, void*, Index) const {}
  // Whether answers from these n numbers are right although the finisher doubts them.
  virtual bool vouch(const void*, Index) const { return false; }
};

struct Stager;
struct Pivot;
class Lifted;

struct Finisher {
  virtual ~Finisher() = default;
  // Planes of the windows [from, to) of the lead level for `items` items; their answers begin at `offset`.
  // `lifted`: what the planes were folded from, if it is still there.
  virtual bool tile(unsigned char* const* planes, Lifted* lifted, Index items, Index from, Index to,
                    Index base, Index offset, const Pivot& pivot) = 0;
};
// One for each type that is folded (folded_type); null where a product has no meaning.
Passes* make_engine(std::int64_t merge, std::int64_t type, const anypool_job& job);
Passes* make_counts(std::int64_t type, const anypool_job& job);
Passes* make_single(std::int64_t merge, const anypool_job& job);
Passes* make_double(std::int64_t merge, const anypool_job& job);
Passes* make_integer(std::int64_t merge, std::int64_t type, const anypool_job& job);
Passes* make_moments(std::int64_t type, const anypool_job& job);
Stager* make_stager(std::int64_t type, const anypool_job& job, int lead);
Finisher* make_finisher(std::int64_t type, const anypool_job& job, int lead);
}  // namespace anypool::ANYPOOL_ISA
