// The way through the elements of a tile: row by row of the last level, whatever the strides and borders are.
#pragma once
#include <algorithm>
#include <cstring>

#include "abi/job.hpp"
#include "fold/elements.hpp"
#include "fold/stager.hpp"
#include "simd/scratch.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
inline int width_of(Index n) { return 64 - __builtin_clzll(std::uint64_t(std::max<Index>(n - 1, 1))); }

// Bits of each pooled level in a selection's code, the innermost lowest.
inline Array<int> shifts_of(const anypool_job& job) {
  Array<int> shift(job.levels);
  int used = 0;
  for (Index l = job.levels - 1; l >= 0; --l)
    if (job.level[l].windows) shift[l] = used, used += width_of(job.level[l].size);
  return shift;
}

// Goes through x row by row of the last level, whatever the strides and borders are.
struct Walk : Stager {
  const anypool_job& job;
  const anypool_level* level;
  const int levels, lead;
  const Index width;  // bytes of an element of x
  Array<int> shift;
  Array<Index> begins, ends;  // which positions of each level are lifted
  Index origin = 0;           // the lead's position that selections count from
  // Positions [low, high) of the last level lie side by side in x, `before` them.
  Index low = 0, high, before = 0;
  int dense;  // from this level on, elements and their weights lie side by side; the number of levels:
              // nowhere

  Walk(const anypool_job& j, int lead_)
      : job(j),
        level(j.level),
        levels(int(j.levels)),
        lead(lead_),
        width(sizes[j.x_type]),
        shift(shifts_of(j)),
        begins(levels),
        ends(levels),
        high(level[levels - 1].size),
        dense(first_dense_level()) {
    const auto& a = level[levels - 1];
    if (!a.source) return;
    high = 0;
    for (Index begin = 0, end; begin < a.size; begin = end) {  // the longest run
      for (end = begin + 1; end < a.size && a.source[begin] >= 0 && a.source[end] == a.source[end - 1] + 1;)
        ++end;
      if (a.source[begin] >= 0 && end - begin > high - low) low = begin, high = end;
    }
    if (low < high) before = low - a.source[low];
  }

  bool tile(Index item, Index items, Index from, Index to, unsigned char* const* planes,
            Pivot& pivot) override {
    for (int l = 0; l < levels; ++l)
      begins[l] = 0, ends[l] = level[l].size;  // a box before may have been smaller
    begins[lead] = origin = from, ends[lead] = to;
    return lifted(item, items, planes, pivot);
  }
  bool box(Index item, const Index* begin, const Index* end, Index base, unsigned char* const* planes,
           Pivot& pivot) override {
    std::copy(begin + lead, begin + levels, begins.begin() + lead),
        std::copy(end + lead, end + levels, ends.begin() + lead);
    origin = base;
    return lifted(item, 1, planes, pivot);
  }

 protected:
  // Elements from `x` and weights from number `w` on, which selections call `code`; `beyond`: the border.
  virtual void run(const unsigned char* x, Index w, std::uint32_t code, bool beyond) = 0;
  // n elements that lie side by side, as their weights do.
  virtual void stretch(const unsigned char* x, Index w, Index n) = 0;
  virtual bool lifted(Index item, Index items, unsigned char* const* planes, Pivot& pivot) = 0;

  void walk(Index item, Index items) {
    const auto* x = static_cast<const unsigned char*>(job.x);
    for (Index i = item; i < item + items; ++i) {
      Index rest = i, at = 0, w_at = 0;
      for (int l = lead - 1; l >= 0; --l) {
        at += rest % level[l].size * level[l].x_stride, w_at += rest % level[l].size * level[l].w_stride;
        rest /= level[l].size;
      }
      rows(lead, x + at * width, w_at, 0, false);
    }
  }
  void rows(int l, const unsigned char* x, Index w, std::uint32_t code, bool beyond) {
    const auto& a = level[l];
    if (l == dense && !beyond && is_whole_below(l))
      return stretch(x + begins[l] * a.x_stride * width, w + begins[l] * a.w_stride,
                     (ends[l] - begins[l]) * a.x_stride);
    if (l == levels - 1) return run(x, w, code, beyond);
    for (Index i = begins[l]; i < ends[l]; ++i) {
      const Index at = a.source ? a.source[i] : i;
      const Index relative = l == lead ? i - origin : i;
      rows(l + 1, x + std::max<Index>(at, 0) * a.x_stride * width, w + std::max<Index>(at, 0) * a.w_stride,
           a.windows ? code + (std::uint32_t(relative) << shift[l]) : code, beyond || at < 0);
    }
  }

  // Selections name each element by its row; a single row needs no stretch.
  int first_dense_level() const {
    int first = levels;
    if (job.lift == PLACE || (job.inner > 1 && (job.x_inner != 1 || (job.w && job.w_inner != 1))))
      return levels;
    Index in = job.inner;
    for (int l = levels - 1; l >= lead; --l) {
      const auto& a = level[l];
      if (a.source || a.x_stride != in || (job.w && a.w_stride != in)) break;
      first = l, in *= a.size;
    }
    return first < levels - 1 ? first : levels;
  }
  bool is_whole_below(int l) const {
    for (int below = l + 1; below < levels; ++below)
      if (begins[below] > 0 || ends[below] < level[below].size) return false;
    return true;
  }

  // Positions [begin, end) of the last level: one by one at a border, the others as they lie.
  template <class V>
  void fetch(const V* x, V* to_, Index begin, Index end, bool beyond, Index stride, Index inner,
             V fill) const {
    const Index c = job.inner, lo = beyond ? end : std::clamp(low, begin, end),
                hi = std::clamp(high, lo, end);
    const auto* source = level[levels - 1].source;
    const auto one = [&](Index i) {
      const Index at = source ? source[i] : i;
      if (beyond || at < 0 || inner == 0) to_ = std::fill_n(to_, c, beyond || at < 0 ? fill : x[at * stride]);
      else
        for (Index j = 0; j < c; ++j) *to_++ = x[at * stride + j * inner];
    };
    for (Index i = begin; i < lo; ++i) one(i);
    x += (lo - before) * stride;
    if (stride == c && (c == 1 || inner == 1)) to_ = std::copy_n(x, (hi - lo) * c, to_);
    else if (inner == 0)  // one for all lanes
      for (Index i = 0; i < hi - lo; ++i) to_ = std::fill_n(to_, c, x[i * stride]);
    else
      for (Index i = 0; i < hi - lo; ++i)
        for (Index j = 0; j < c; ++j) *to_++ = x[i * stride + j * inner];
    x -= (lo - before) * stride;
    for (Index i = hi; i < end; ++i) one(i);
  }
  // The same of elements that are nothing but bytes, `fill` among them.
  void fetch_bytes(const void* x, void* to, Index begin, Index end, bool beyond, Index stride, Index inner,
                   Index size, const void* fill) const {
    const auto as = [&](auto word) {
      std::memcpy(&word, fill, sizeof word);
      fetch(static_cast<const decltype(word)*>(x), static_cast<decltype(word)*>(to), begin, end, beyond,
            stride, inner, word);
    };
    if (size == 1) as(std::uint8_t{});
    else if (size == 2) as(std::uint16_t{});
    else if (size == 4) as(std::uint32_t{});
    else as(std::uint64_t{});
  }
};
}  // namespace anypool::ANYPOOL_ISA
