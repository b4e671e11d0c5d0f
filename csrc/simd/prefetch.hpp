// Rows that lie anywhere are asked for before their turn, into the second-level cache and then into the
// first.
#pragma once
#include <algorithm>

#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// The second level waits for more lines at once than the first: 4.5 million rows of 64 bytes, two threads:
// asked for once 31 ms, twice 24 (in huge pages 31 and 17). Where the elements are written one after the
// other (a mean's gradient), asking twice took longer: 75 and 92 ms.
template <class A>
struct Ahead {
  const A* base;
  const Index* index;  // of each row; the last of them is number `last`
  Index step, bytes, last;

  // Row number e of the list is next. Inline, for GCC takes a function that only asks to have no effect, and
  // drops the call.
  ANYPOOL_INLINE void at(Index e) const {
    row<2>(base + index[std::min(e + 64, last)] * step);
    row<3>(base + index[std::min(e + 8, last)] * step);
  }

 private:
  // Each of its cache lines, the first of which begins before it.
  template <int level>
  ANYPOOL_INLINE void row(const A* p) const {
    __builtin_prefetch(p, 0, level);
    for (Index i = 64 - Index(reinterpret_cast<std::uintptr_t>(p) % 64); i < bytes; i += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(p) + i, 0, level);
  }
};
}  // namespace anypool::ANYPOOL_ISA
