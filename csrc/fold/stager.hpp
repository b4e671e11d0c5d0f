// What the driver of tiles asks of a lift.
#pragma once
#include "abi/job.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// What a tile's numbers were measured from, and whether they are safe to answer from.
struct Pivot {
  double value = 0;
  bool tiny = false;   // some element is so small that its square may vanish
  bool given = false;  // the value is to be used, not to be found
  double scale = 0;    // the planes hold sums of weights e^(a - scale), where weights are logarithms
};

struct Stager {
  virtual ~Stager() = default;
  // Items [item, item + items), positions [from, to) of the lead level; false: the numbers need the
  // reference.
  virtual bool tile(Index item, Index items, Index from, Index to, unsigned char* const* planes,
                    Pivot& pivot) = 0;
  // One item, positions [begin[l], end[l]) of each level from the lead on, which selections count from `base`
  // of the lead.
  virtual bool box(Index item, const Index* begin, const Index* end, Index base, unsigned char* const* planes,
                   Pivot& pivot) = 0;
  // The result of one window of an item, at[l] on each level from the lead on, from its elements: weights e^a
  // are relative to its own greatest a. False: no element is present.
  virtual bool window(Index item, const Index* at, Index lane, double& y) const = 0;
  bool invalid = false;  // some weight was not valid
};
}  // namespace anypool::ANYPOOL_ISA
