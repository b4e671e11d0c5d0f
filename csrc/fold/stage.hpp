// Lift: the elements of one tile, from any strides, border, type and weights, as dense planes of numbers.
#pragma once
#include <algorithm>
#include <cmath>

#include "abi/job.hpp"
#include "fold/elements.hpp"
#include "fold/merges.hpp"
#include "fold/single_window.hpp"
#include "fold/stager.hpp"
#include "fold/walk.hpp"
#include "fold/weigher.hpp"
#include "simd/scratch.hpp"
#include "simd/transcendent.hpp"

namespace anypool::ANYPOOL_ISA {
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
    const bool direct = !beyond && !a.source && a.w_stride == c && (c == 1 || job.w_inner == 1);
    elements(x, w, n, code, direct ? begin * c : -1, [&](const auto* from_, auto* to, auto fill) {
      fetch_bytes(from_, to, begin, end, beyond, a.w_stride, job.w_inner, sizeof fill, &fill);
    });
  }
  void stretch(const unsigned char* x, Index w, Index n) override {
    constexpr Index most = 4096;  // scratch of rows stays in the first-level cache
    for (Index i = 0; i < n; i += most)
      elements(x + i * width, w + i, std::min(most, n - i), 0, 0, [](const auto*, auto*, auto) {});
  }

  // n elements; their weights lie at `w` + `w_begin`, or gather fetches them where that is negative.
  template <class Gather>
  void elements(const void* x, Index w, Index n, std::uint32_t code, Index w_begin, Gather gather) {
    if (!weigher.serves) lift(x, n, code);
    else {
      if (job.lift == PLACE) lift(x, n, code);
      if (scans) return weigher.scan(x, w, n, w_begin, gather);
      weigher.row(x, w, n, {p0, p1, u}, w_begin, gather);
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
