// Rows of windows, group below group: what kernels of small squares are given.
#pragma once
#include "fold/row.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index soon = 8192;  // bytes from what is folded to what is asked for

// What the windows of a row are divided by, a lane each, and all but those of its first vector and of its
// end.
template <class T>
struct Share {
  const T *count = nullptr, *share = nullptr;
  T middle = 1, middle_share = 1;
};

// What the first group reads and writes, and how far it is to the next.
template <class T>
struct Band {
  const T* row[9];
  T* y[2];
  Share<T> by[2];
  Index width, windows;  // positions of a row; windows along it
  Index start, inner;    // the first window's first position; lanes of a position
  Index groups, next, y_next;
  T* scratch;  // columns of `inner` lanes, as many as a window has

  template <std::size_t rows, std::size_t results>
  ANYPOOL_INLINE void at(Index g, const T* (&r)[rows], T* (&to)[results]) const {
#pragma GCC unroll 8
    for (std::size_t t = 0; t < rows; ++t) r[t] = row[t] + g * next;
#pragma GCC unroll 2
    for (std::size_t p = 0; p < results; ++p) to[p] = y[p] + g * y_next;
  }
};
}  // namespace anypool::ANYPOOL_ISA
