// Borders: the part of an axis where x is read in place, and a copy of the columns outside it.
#pragma once
#include <algorithm>
#include <cstring>
#include <new>

#include "abi/orders.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// Positions [from, to) of an axis are x's own, `shift` before them; windows [low, high) hold no others.
struct Stretch {
  Index shift = 0, from, to, low = 0, high;

  explicit Stretch(const anypool_span& s) : from(0), to(s.extent), high(s.windows) {
    if (!s.source) return;
    to = 0;
    for (Index begin = 0, end; begin < s.extent; begin = end) {  // the longest run
      for (end = begin + 1; end < s.extent && s.source[begin] >= 0 && s.source[end] == s.source[end - 1] + 1;)
        ++end;
      if (s.source[begin] >= 0 && end - begin > to - from) from = begin, to = end;
    }
    if (from < to) shift = from - s.source[from];
    const Index room = to - s.start - (s.size - 1) * s.step;
    low = std::clamp<Index>((from - s.start + s.stride - 1) / s.stride, 0, s.windows);
    high = room > 0 ? std::clamp<Index>((room - 1) / s.stride + 1, low, s.windows) : low;
  }
};

template <class S>
S border(const anypool_orders& job) {
  S value;
  std::memcpy(static_cast<void*>(&value), &job.fill, sizeof(S));
  return value;
}

// Rows of the first and last columns' elements, as an image of its own: its windows are those that see a
// border, and the last one where reading whole strides would leave the row.
template <class S>
struct Ends {
  const anypool_orders& job;
  const anypool_span& columns = job.span[2];
  const Stretch middle = whole_strides(columns);
  const Index over = columns.size > columns.stride ? (columns.size - 1) / columns.stride
                                                   : 0;  // windows that would see both ends
  const Index left = middle.low, right = columns.windows - middle.high,
              windows = left + right ? left + over + right : 0;

  const S constant = border<S>(job);

  static Stretch whole_strides(const anypool_span& s) {
    Stretch found{s};
    if (s.size > s.stride && s.size % s.stride) found.high = std::max(found.low, found.high - 1);
    return found;
  }
  // The elements of one row, `to` of `width` times inner; null is a row of the border's constant.
  void copy(const S* row, S* to) const {
    const auto part = [&](Index window, Index many, S* d) {
      const Index begin = columns.start + window * columns.stride,
                  n = many ? (many - 1) * columns.stride + columns.size : 0;
      for (Index i = 0; i < n; ++i, d += job.inner) {
        const Index at = columns.source ? columns.source[begin + i] : begin + i;
        if (job.inner == 1) *d = row && at >= 0 ? row[at * columns.x_stride] : constant;
        else if (row && at >= 0) std::copy_n(row + at * columns.x_stride, job.inner, d);
        else std::fill_n(d, job.inner, constant);
      }
    };
    part(0, left, to);
    part(middle.high, right, to + (left + over) * columns.stride * job.inner);
  }
};
}  // namespace anypool::ANYPOOL_ISA
