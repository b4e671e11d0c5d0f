// The windows of one level as a piece of it sees them.
#pragma once
#include <algorithm>

#include "abi/job.hpp"
#include "simd/scratch.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// Windows of one level, as a piece of it sees them: what they hold there, alike windows once.
struct Clipped {
  Array<Index> first, length;
  Array<double> count;
  Array<Index> window, part;  // each window that meets the piece, and which of the above is its part
  Array<Index> full;  // by first position: the part of windows that hold the piece from there to its end

  void cut(const anypool_level& a, Index from, Index to, Index begin, Index end) {
    first.clear(), length.clear(), window.clear(), part.clear();
    full.assign(std::min(a.step, end - begin), -1);
    for (Index o = from; o < to; ++o) {
      const Index low = std::max<Index>(0, (begin - a.first[o] + a.step - 1) / a.step),
                  high = std::min(a.length[o], end > a.first[o] ? (end - 1 - a.first[o]) / a.step + 1 : 0);
      if (low >= high) continue;
      const Index at = a.first[o] + low * a.step - begin, n = high - low;
      const bool all = at < Index(full.size()) && at + n * a.step >= end - begin;
      Index p = all ? full[at] : -1;
      if (p < 0) {
        p = Index(first.size()), first.push_back(at), length.push_back(n);
        if (all) full[at] = p;
      }
      window.push_back(o - from), part.push_back(p);
    }
    count.assign(first.size(), 1);
  }
  // The level that an engine folds.
  void describe(anypool_level& level, Index size, Index step) const {
    level.size = size, level.windows = Index(first.size()), level.step = step, level.affine = 0,
    level.start = 0, level.stride = 0;
    level.places = length.empty() ? 0 : *std::max_element(length.begin(), length.end());
    level.first = first.data(), level.length = length.data(), level.count = count.data(),
    level.source = nullptr;
  }
};
}  // namespace anypool::ANYPOOL_ISA
