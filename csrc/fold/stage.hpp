// Lift: the elements of one tile, from any strides, border, type and weights, as dense planes of numbers.
#pragma once
#include <algorithm>
#include <cmath>

#include "abi/job.hpp"
#include "fold/elements.hpp"
#include "fold/merges.hpp"
#include "fold/single_window.hpp"
#include "fold/stager.hpp"
#include "fold/weigher.hpp"
#include "simd/scratch.hpp"
#include "simd/transcendent.hpp"

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

  Walk(const anypool_job& j, int lead_)
      : job(j),
        level(j.level),
        levels(int(j.levels)),
        lead(lead_),
        width(sizes[j.x_type]),
        shift(shifts_of(j)),
        begins(levels),
        ends(levels),
        high(level[levels - 1].size) {
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
    if (l == levels - 1) return run(x, w, code, beyond);
    for (Index i = begins[l]; i < ends[l]; ++i) {
      const Index at = a.source ? a.source[i] : i;
      const Index relative = l == lead ? i - origin : i;
      rows(l + 1, x + std::max<Index>(at, 0) * a.x_stride * width, w + std::max<Index>(at, 0) * a.w_stride,
           a.windows ? code + (std::uint32_t(relative) << shift[l]) : code, beyond || at < 0);
    }
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

template <class A>
struct Stage final : Walk {
  const Reader<A> reader;
  Weigher<A> weigher;
  Scratch<unsigned char> gathered;
  bool scans = false;                            // logarithms of weights are read for their greatest
  A *p0 = nullptr, *p1 = nullptr, *u = nullptr;  // where the next row's numbers go; u: its weights

  Stage(const anypool_job& j, int lead_)
      : Walk(j, lead_), reader(reader_of<A>(j.x_type)), weigher(j, reader) {}
  // Whether x's type can be lifted so.
  bool serves() const {
    return job.lift == PLACE   ? bool(reader.pack)
           : job.lift == TRUTH ? bool(reader.truth)
                               : job.lift == PRESENT_ONES || reader.widen;
  }
  bool window(Index item, const Index* at, Index lane, double& y) const override {
    if constexpr (std::is_floating_point_v<A>)
      return with_type(
          job.x_type, [&](auto t) { return SingleWindow<decltype(t)>{job, lead}.result(item, at, lane, y); });
    else return false;
  }

 private:
  void begin_at(unsigned char* const* planes) {
    p0 = reinterpret_cast<A*>(planes[0]), p1 = reinterpret_cast<A*>(planes[1]),
    u = reinterpret_cast<A*>(planes[2]);
  }

  bool lifted(Index item, Index items, unsigned char* const* planes, Pivot& pivot) override {
    begin_at(planes);
    weigher.centred = pivot.given, weigher.centre = A(pivot.value);
    if (!job.logs) walk(item, items);
    for (Index i = item; job.logs && i < item + items; ++i) {
      weigher.top = -std::numeric_limits<double>::infinity();
      scans = true, walk(i, 1), scans = false;
      pivot.scale = i == item ? weigher.top : std::max(pivot.scale, weigher.top);
      if (!weigher.invalid) walk(i, 1);
    }
    invalid |= weigher.invalid;
    if (invalid || pivot.scale == std::numeric_limits<double>::infinity()) return false;
    const Index n = p0 - reinterpret_cast<A*>(planes[0]);
    begin_at(planes);
    return finish(n, pivot);
  }

  void run(const unsigned char* from, Index w, std::uint32_t code, bool beyond) override {
    const auto& a = level[levels - 1];
    const Index begin = begins[levels - 1], end = ends[levels - 1], c = job.inner, n = (end - begin) * c;
    code += std::uint32_t(begin - (levels - 1 == lead ? origin : 0));  // the last level's bits are the lowest
    const void* x = from;
    if (!beyond && !a.source && a.x_stride == c && (c == 1 || job.x_inner == 1)) {
      x = from += begin * c * width;
      ask<0>(x, 8192, n * width);
    } else {
      fetch_bytes(x, room(gathered, n * width), begin, end, beyond, a.x_stride, job.x_inner, width,
                  &job.fill);
      x = gathered.data();
    }
    if (!weigher.serves) lift(x, n, code);
    else {
      if (job.lift == PLACE) lift(x, n, code);
      const bool direct = !beyond && !a.source && a.w_stride == c && (c == 1 || job.w_inner == 1);
      const auto gather = [&](const auto* from_, auto* to, auto fill) {
        fetch_bytes(from_, to, begin, end, beyond, a.w_stride, job.w_inner, sizeof fill, &fill);
      };
      if (scans) return weigher.scan(x, w, n, direct ? begin * c : -1, gather);
      weigher.row(x, w, n, {p0, p1, u}, direct ? begin * c : -1, gather);
    }
    p0 += n;
    if (p1) p1 += n;
    if (u) u += n;
  }

  void lift(const void* x, Index n, std::uint32_t code) {
    switch (job.lift) {
      case TRUTH: return reader.truth(x, p0, n);
      case PRESENT_ONES: std::fill_n(p0, n, A(1)); return;
      case PLACE: return reader.pack(x, p0, n, {code, job.inner, job.min != 0, job.last != 0});
      default:
        reader.widen(x, p0, n, A(weigher.key));
        if (job.lift == VALUE && p1) {  // two merges of the same values
          std::copy_n(p0, n, p1);
          if constexpr (std::is_integral_v<A>)
            for (Index i = 0; i < n; ++i) p1[i] ^= weigher.other_key;
        }
    }
  }

  // What needs the whole tile first: a pivot.
  bool finish(Index n, Pivot& pivot) {
    if constexpr (std::is_floating_point_v<A>) {
      constexpr A small = sizeof(A) == 4 ? A(0x1p-40) : A(0x1p-400),
                  large = sizeof(A) == 4 ? A(0x1p50) : A(0x1p500);
      switch (job.lift) {
        case MAGNITUDE:
          for (Index i = 0; i < n; ++i) p0[i] = std::abs(p0[i]);
          weigher.multiply(p0, p1, u, n);
          return true;
        case SQUARE: {
          int tiny = 0, huge = 0;
          for (Index i = 0; i < n; ++i) {
            const A v = std::abs(p0[i]);
            tiny |= (v < small) & (v != 0), huge |= v > large;
            p0[i] = v * v;
          }
          pivot.tiny |= tiny;
          weigher.multiply(p0, p1, u, n);
          return !huge;
        }
        case EXP:
        case EXP_VALUE: {
          const A rate = A(job.rate);
          A top = rate * (rate > 0 ? extreme<1>(p0, n) : extreme<-1>(p0, n));
          pivot.value = top;
          if (weigher.serves && top == -std::numeric_limits<A>::infinity())
            top = 0;  // no element is present, or all are -infinity
          if (!(std::abs(top) <= std::numeric_limits<A>::max())) return false;
          exponential(p0, p1, n, rate, top);
          weigher.multiply(p0, p1, u, n);
          return true;
        }
        case SHIFTED: {
          if (u) {  // its rows are shifted
            pivot.value = weigher.centre;
            return true;
          }
          constexpr Index most =
              63;  // a median of some: outliers must not move the pivot away from all others
          A sample[most]{}, middle = 0;
          const Index some = std::min(n, most);
          for (Index i = 0; i < some; ++i)
            sample[i] = p0[i * n / some] - p0[i * n / some] == 0 ? p0[i * n / some] : A(0);
          if (some) std::nth_element(sample, sample + some / 2, sample + some), middle = sample[some / 2];
          if (pivot.given) middle = A(pivot.value);
          pivot.value = middle;
          for (Index i = 0; i < n; ++i) p0[i] -= middle, p1[i] = p0[i] * p0[i];
          return true;
        }
        default: return true;
      }
    }
    return true;
  }
};
}  // namespace anypool::ANYPOOL_ISA
