// Windows that list their elements: folds over them, and the gradients that go back the same way.
#include <algorithm>

#include "abi/guarded.hpp"
#include "indexed/listed.hpp"
#include "indexed/owned.hpp"
#include "simd/prefetch.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index PART = 1024;  // elements added before their sum is: long sums in floats keep their digits

template <class X, class A, class W>
struct Task {
  using V = typename W::V;
  const anypool_lists& job;

  X* result(Index item, Index group, Index bin) const {
    return static_cast<X*>(job.y) + item * job.y_outer + group * job.y_group + bin * job.y_bin;
  }
  const X* given(Index item, Index group, Index bin) const {
    return static_cast<const X*>(job.x) + item * job.y_outer + group * job.y_group + bin * job.y_bin;
  }

  // `many` vectors of lanes from `base` on, the first of them lane `lane` of the item.
  template <int merge, int many>
  void fold(const View& view, const A* base, Index item, Index lane, Index lanes, Index group, Index bin,
            const Ahead<A>& ahead, bool asks) const {
    const Index window = group * job.bins + bin;
    const A none = merge == MAX   ? -std::numeric_limits<A>::infinity()
                   : merge == MIN ? std::numeric_limits<A>::infinity()
                                  : A(0);
    V acc[many], part[many];
    typename W::P at[many];
    for (int m = 0; m < many; ++m)
      acc[m] = W::fill(job.start ? A(job.start[window]) : none), part[m] = W::fill(A(0)),
      at[m] = W::places(-1);
    Index left = PART, e = asks ? job.pick[2].offsets[window] : 0;
    each_element<A>(job, view, group, bin, [&](Index offset, Index place, A weight) {
      if (asks) ahead.at(e++);
      for (int m = 0; m < many; ++m) {
        const V x = W::load(base + offset + m * W::n, std::min(lanes - m * W::n, W::n));
        if constexpr (merge == SUM) part[m] += x * weight;
        else {
          const auto better = merge == MAX ? (x > acc[m]) : (x < acc[m]);
          const auto take = better | (x != x) | ((at[m] < 0) & (acc[m] == x));
          acc[m] = take ? x : acc[m];
          if (job.place) at[m] = take ? W::places(place) : at[m];
        }
      }
      if constexpr (merge == SUM)
        if (--left == 0)
          for (int m = (left = PART, 0); m < many; ++m) acc[m] += part[m], part[m] = W::fill(A(0));
    });
    X* y = result(item, group, bin);
    for (int m = 0; m < many; ++m) {
      if constexpr (merge == SUM) acc[m] += part[m];
      if (job.n[window] == 0) acc[m] = W::fill(A(job.empty));
      else if (job.divide) acc[m] /= W::fill(A(job.n[window]));
      const Index first = lane + m * W::n, count = std::min(lanes - m * W::n, W::n);
      // At once where they lie so: lane by lane, four windows filled the processor's queue of stores, and no
      // row was asked for meanwhile.
      if (std::is_same_v<X, A> && job.y_lane == 1) W::store(reinterpret_cast<A*>(y) + first, acc[m], count);
      else
        for (Index i = 0; i < count; ++i) narrow(W::lane(acc[m], i), y[(first + i) * job.y_lane]);
      if (merge != SUM && job.place)
        for (Index i = 0; i < count; ++i)
          static_cast<std::int32_t*>(job.place)[(y - static_cast<X*>(job.y)) + (first + i) * job.y_lane] =
              std::int32_t(W::place(at[m], i));
    }
  }

  void spread(const View& view, A* base, Index item, Index lane, Index lanes, Index group, Index bin) const {
    const Index window = group * job.bins + bin;
    if (job.n[window] == 0) return;
    const X* g = given(item, group, bin) + lane * job.y_lane;
    V share = W::fill(A(0));
    for (Index i = 0; i < std::min(lanes, W::n); ++i) W::set(share, i, A(number(g[i * job.y_lane])));
    if (job.divide) share /= W::fill(A(job.n[window]));
    each_element<A>(job, view, group, bin, [&](Index offset, Index, A weight) {
      A* p = base + offset;
      W::store(p, W::load(p, lanes) + share * weight, lanes);
    });
  }

  void give_back(const View& view, A* base, Index item, Index lane, Index lanes, Index group,
                 Index bin) const {
    const X* g = given(item, group, bin);
    const std::int32_t* place =
        static_cast<const std::int32_t*>(job.place) + (g - static_cast<const X*>(job.x));
    for (Index i = 0; i < std::min(lanes, W::n); ++i) {
      const Index p = place[(lane + i) * job.y_lane];
      if (p < 0) continue;
      const Index i0 = p / view.inner[0], i1 = p % view.inner[0] / view.inner[1], i2 = p % view.inner[1];
      base[i0 * view.step[0] + i1 * view.step[1] + i2 * view.step[2] + i] +=
          A(number(g[(lane + i) * job.y_lane]));
    }
  }

  template <int merge>
  void windows(const View& view, const A* base, Index item, Index lane, Index lanes, Index group, Index from,
               Index to) const {
    constexpr int many = W::n == 1 ? 1 : 4;
    const auto& p = job.pick[2];
    const Ahead<A> ahead{base, p.index, view.step[2], std::min<Index>(lanes * Index(sizeof(A)), 256),
                         p.offsets[job.begin[job.images] * p.out] - 1};
    for (Index bin = from; bin < to; ++bin) {
      Index done = 0;
      for (; lanes - done > 2 * W::n; done += many * W::n)
        fold<merge, many>(view, base + done, item, lane + done, lanes - done, group, bin, ahead,
                          job.scattered && done == 0);
      for (; done < lanes; done += W::n)
        fold<merge, 1>(view, base + done, item, lane + done, lanes - done, group, bin, ahead,
                       job.scattered && done == 0);
    }
  }
  void any(int way, const View& view, A* base, Index item, Index lane, Index lanes, Index group, Index from,
           Index to) const {
    if (way == FOLD) {
      if (job.merge == SUM) windows<SUM>(view, base, item, lane, lanes, group, from, to);
      else if (job.merge == MAX) windows<MAX>(view, base, item, lane, lanes, group, from, to);
      else windows<MIN>(view, base, item, lane, lanes, group, from, to);
      return;
    }
    for (Index bin = from; bin < to; ++bin)
      for (Index done = 0; done < lanes; done += W::n) {
        if (way == SPREAD) spread(view, base + done, item, lane + done, lanes - done, group, bin);
        else give_back(view, base + done, item, lane + done, lanes - done, group, bin);
      }
  }
};

// One image of one item with `W::n` lanes side by side, as far as its groups look.
template <class X, class A, class W>
void image(const anypool_lists& job, int way, Index item, Index of, Index lane, Array<A>& side) {
  const Index lanes = std::min(W::n, job.lanes - lane), first = job.begin[of], last = job.begin[of + 1];
  const auto& rows = job.pick[0].size > 1 ? job.pick[0] : job.pick[1].size > 1 ? job.pick[1] : job.pick[2];
  Index lo = rows.size, hi = 0;
  for (Index g = first; g < last; ++g)
    for (Index e = rows.offsets[job.order[g] * rows.out]; e < rows.offsets[(job.order[g] + 1) * rows.out];
         ++e)
      lo = std::min(lo, rows.index[e]), hi = std::max(hi, rows.index[e] + 1);
  if (hi < lo) lo = hi = 0;  // groups of nothing
  View view = view_of(job, W::n);
  const int lead = int(&rows - job.pick);
  const Index under = view.inner[lead];
  side.assign(std::max<Index>(hi - lo, 0) * under * W::n, A(0));
  X* outside = way == FOLD ? const_cast<X*>(static_cast<const X*>(job.x)) : static_cast<X*>(job.y);
  outside += item * job.x_outer + of * job.x_image + lane * job.x_lane;
  const auto along = [&](auto body) {  // body(lane's address outside, position inside)
    for (Index i = lo; i < hi; ++i)
      for (Index j = 0; j < (lead < 1 ? job.pick[1].size : 1); ++j) {
        const Index many = lead < 2 ? job.pick[2].size : 1, unit = lead < 2 ? job.pick[2].stride : 0;
        const Index at = i * rows.stride + (lead < 1 ? j * job.pick[1].stride : 0),
                    in = (i - lo) * under + (lead < 1 ? j * view.inner[1] : 0);
        body(at, in, many, unit);
      }
  };
  if (way == FOLD)
    along([&](Index at, Index in, Index many, Index unit) {
      for (Index k = 0; k < lanes; ++k)
        for (Index p = 0; p < many; ++p)
          side[(in + p) * W::n + k] = A(number(outside[at + k * job.x_lane + p * unit]));
    });
  const Task<X, A, W> task{job};
  A* base = side.data() - lo * under * W::n;
  for (Index g = first; g < last; ++g)
    task.any(way, view, base, item, lane, lanes, job.order[g], 0, job.bins);
  if (way != FOLD)
    along([&](Index at, Index in, Index many, Index unit) {
      for (Index k = 0; k < lanes; ++k)
        for (Index p = 0; p < many; ++p)
          narrow(side[(in + p) * W::n + k], outside[at + k * job.x_lane + p * unit]);
    });
}

constexpr Index CHUNK = 1024;  // windows a task

template <class X, class A>
int tasks(const anypool_lists& job, int way, Index begin, Index end) {
  const bool single = job.lanes < 4, beside = job.x_lane == 1 || single;
  constexpr bool same = std::is_same_v<X, A>;
  if (begin < 0) {  // how many tasks there are
    const Index blocks = single ? job.lanes : (job.lanes + Wide<A>::n - 1) / Wide<A>::n;
    if (same && beside && way == FOLD)
      return int(std::min<Index>(
          job.outer * (single ? job.lanes : 1) * ((job.begin[job.images] * job.bins + CHUNK - 1) / CHUNK),
          1 << 30));
    return int(std::min<Index>(job.outer * job.images * blocks, 1 << 30));
  }
  Array<A> side;
  const View view = view_of(job, 0);
  for (Index t = begin; t < end; ++t) {
    if constexpr (same)
      if (beside && way == FOLD) {
        const Index windows = job.begin[job.images] * job.bins, parts = (windows + CHUNK - 1) / CHUNK,
                    part = t % parts;
        const Index item = t / parts / (single ? job.lanes : 1), lane = single ? t / parts % job.lanes : 0;
        Index of = 0;
        for (Index w = part * CHUNK; w < std::min(windows, (part + 1) * CHUNK);) {
          const Index g = w / job.bins, from = w % job.bins,
                      to = std::min(job.bins, from + (part + 1) * CHUNK - w);
          while (job.begin[of + 1] <= g) ++of;
          A* base = const_cast<A*>(static_cast<const A*>(job.x)) + item * job.x_outer + of * job.x_image +
                    lane * job.x_lane;
          if (single) Task<X, A, One<A>>{job}.any(way, view, base, item, lane, 1, job.order[g], from, to);
          else Task<X, A, Wide<A>>{job}.any(way, view, base, item, 0, job.lanes, job.order[g], from, to);
          w += to - from;
        }
        continue;
      }
    const Index blocks = single ? job.lanes : (job.lanes + Wide<A>::n - 1) / Wide<A>::n;
    const Index block = t % blocks, of = t / blocks % job.images, item = t / blocks / job.images;
    if (single) image<X, A, One<A>>(job, way, item, of, block, side);
    else image<X, A, Wide<A>>(job, way, item, of, block * Wide<A>::n, side);
  }
  return DONE;
}
}  // namespace

int lists(const anypool_lists& job, int way, Index begin, Index end) {
  const bool named = job.owner && !(job.scattered && way == FOLD);
  return guarded([&] {
    switch (job.type) {
      case F32: return named ? owned<float>(job, way, begin, end) : tasks<float, float>(job, way, begin, end);
      case F64:
        return named ? owned<double>(job, way, begin, end) : tasks<double, double>(job, way, begin, end);
      case F16: return tasks<Half, float>(job, way, begin, end);
      default: return tasks<Brain, float>(job, way, begin, end);
    }
  });
}
}  // namespace anypool::ANYPOOL_ISA
