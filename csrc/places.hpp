// Windows of up to four elements in any places along a row: where each element lies, found once.
#pragma once
#include <vector>

#include "job.hpp"
#include "merges.hpp"

namespace anypool::ANYPOOL_ISA {
template <class M, class T>
struct Places {
  std::vector<std::int32_t> at;  // place by place, a window after the other; what is missing is the margin after the row
  Index windows = 0, places = 0;

  void of(const anypool_level& a) {
    windows = a.windows, places = a.places;
    at.resize(places * windows);
    for (Index t = 0; t < places; ++t)
      for (Index o = 0; o < windows; ++o) at[t * windows + o] = std::int32_t(t < a.length[o] ? a.first[o] + t * a.step : a.size);
  }

  void fold(const T* row, Index pitch, T* result, Index result_pitch, Index rows) const {
    const std::int32_t* p = at.data();
    for (Index r = 0; r < rows; ++r, row += pitch, result += result_pitch) {
      ask<1>(result, 4096, windows * Index(sizeof(T)));
      if (places == 1)
        for (Index o = 0; o < windows; ++o) result[o] = row[p[o]];
      else if (places == 2)
        for (Index o = 0; o < windows; ++o) result[o] = M::merge(row[p[o]], row[p[windows + o]]);
      else
        for (Index o = 0; o < windows; ++o) {
          T v = row[p[o]];
          for (Index t = 1; t < places; ++t) v = M::merge(v, row[p[t * windows + o]]);
          result[o] = v;
        }
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
