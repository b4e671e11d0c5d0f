// What a window of a footprint merges: runs of its rows, as parts of 1, 2, 4, … positions.
#pragma once
#include <bit>

#include "abi/job.hpp"
#include "fold/merges.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
struct FootprintParts {
  struct Part {
    Index line;    // the row of the window's box
    int doubling;  // it folds 2^doubling positions
    Index shift;   // its first lane
    double weight;
  };
  Array<Part> part;
  Array<Index> row;  // of each line
  int doublings = 0;
  bool weighted = false;

  // `overlap`: whether a position may be merged twice.
  FootprintParts(const anypool_job& job, bool overlap)
      : level(job.level), levels(int(job.levels)), overlaps(overlap) {
    for (Index i = 0; i < job.runs; ++i) {
      if (row.empty() || row.back() != job.run[i].row) row.push_back(job.run[i].row);
      weighted |= !overlaps && job.run[i].weight != 1;
    }
    find_places();
    const auto& a = level[levels - 1];
    // A doubling of a row costs two loads and a store, for each row that windows move on by.
    const Index moves = levels > 1 && level[levels - 2].windows
                            ? std::min(level[levels - 2].stride, level[levels - 2].places)
                            : 1;
    Index least = 0;
    for (int k = 0; Index(1) << k <= a.places; ++k) {
      Index cost = 3 * k * moves;
      for (Index i = 0; i < job.runs; ++i) cut(job.run[i].length, k, [&](int, Index) { ++cost; });
      if (k == 0 || cost < least) least = cost, doublings = k;
    }
    Index line = -1;
    for (Index i = 0; i < job.runs; ++i) {
      const auto& run = job.run[i];
      if (line < 0 || row[line] != run.row) ++line;
      cut(run.length, doublings, [&](int k, Index first) {
        part.push_back({line, k, (run.first + first) * a.step * job.inner, run.weight});
      });
    }
  }
  Index lines() const { return Index(row.size()); }
  // The place of a line on a pooled level other than the last.
  Index place(Index line, int l) const { return places[line * levels + l]; }

 private:
  const anypool_level* level;
  int levels;
  bool overlaps;
  Array<Index> places;  // of each line, on each level

  void find_places() {
    places.assign(lines() * levels, 0);
    for (Index i = 0; i < lines(); ++i)
      for (int l = levels - 2, rest = int(row[i]); l >= 0; --l)
        if (level[l].windows) places[i * levels + l] = rest % level[l].places, rest /= level[l].places;
  }

  // A run of n positions as parts of at most 2^most: its binary digits, or parts that overlap.
  template <class Visit>
  void cut(Index n, int most, Visit visit) const {
    Index first = 0;
    if (overlaps) {
      const int k = std::min(most, int(std::bit_width(std::uint64_t(n))) - 1);
      for (; first + (Index(1) << k) <= n; first += Index(1) << k) visit(k, first);
      if (first < n) visit(k, n - (Index(1) << k));
      return;
    }
    for (int k = most; k >= 0; --k)
      for (; n - first >= Index(1) << k; first += Index(1) << k) visit(k, first);
  }
};
}  // namespace anypool::ANYPOOL_ISA
