// Windows that share no element: each element names its one window, and a fold reads x once, in order.
#pragma once
#include <algorithm>

#include "abi/job.hpp"
#include "abi/lists.hpp"
#include "simd/halves.hpp"

namespace anypool::ANYPOOL_ISA {
// Lanes that share a list: a vector of them, or one number.
template <class A>
struct Wide : Lanes<A> {
  using typename Lanes<A>::V;
  using I = std::conditional_t<sizeof(A) == 4, std::int32_t, std::int64_t>;
  using P = typename Lanes<I>::V;
  static P places(Index p) { return Lanes<I>::fill(I(p)); }
  static A lane(const V& v, Index i) { return v[i]; }
  static I place(const P& p, Index i) { return p[i]; }
  static void set(V& v, Index i, A a) { v[i] = a; }
};
template <class A>
struct One {
  static constexpr Index n = 1;
  using V = A;
  using I = std::conditional_t<sizeof(A) == 4, std::int32_t, std::int64_t>;
  using P = I;
  static V load(const A* p, Index) { return *p; }
  static void store(A* p, V v, Index) { *p = v; }
  static V fill(A a) { return a; }
  static P places(Index p) { return I(p); }
  static A lane(const V& v, Index) { return v; }
  static I place(const P& p, Index) { return p; }
  static void set(V& v, Index, A a) { v = a; }
};

// Every element names its one window: a fold reads x once, in order, and no list is needed.
template <class A, class W>
struct Owned {
  using V = typename W::V;
  const anypool_lists& job;
  const Index lanes;  // at once: all of them where they lie side by side, else one

  template <int merge>
  void fold(const A* x, A* y, std::int32_t* place, Index from, Index to) const {
    const A none = merge == MAX   ? -std::numeric_limits<A>::infinity()
                   : merge == MIN ? std::numeric_limits<A>::infinity()
                                  : A(0);
    const Index step = job.pick[2].stride;
    for (Index g = from; g < to; ++g)
      for (Index i = 0; i < lanes; i += W::n) {
        W::store(y + g * job.y_bin + i, W::fill(none), lanes - i);
        for (Index j = i; place && j < std::min(lanes, i + W::n); ++j) place[g * job.y_bin + j] = -1;
      }
    for (Index p = 0; p < job.positions; ++p) {
      const Index g = job.owner[p];
      if (const Index next = job.owner[std::min(p + 24, job.positions - 1)];
          std::uint64_t(next - from) < std::uint64_t(to - from))
        ask<1>(y + next * job.y_bin, 0,
               std::min<Index>(lanes * Index(sizeof(A)), 256));  // groups may lie anywhere
      if (std::uint64_t(g - from) >= std::uint64_t(to - from)) continue;
      const A* row = x + p * step;
      A* into = y + g * job.y_bin;
      for (Index i = 0; i < lanes; i += W::n) {
        const V v = W::load(row + i, lanes - i), old = W::load(into + i, lanes - i);
        if constexpr (merge == SUM) W::store(into + i, old + v, lanes - i);
        else {
          const auto better = (merge == MAX ? v > old : v < old) | (v != v);
          W::store(into + i, better ? v : old, lanes - i);
          for (Index j = 0; place && j < std::min(lanes - i, W::n); ++j) {
            std::int32_t& at = place[g * job.y_bin + i + j];
            const A a = W::lane(v, j), b = W::lane(old, j);
            if ((merge == MAX ? a > b : a < b) || a != a || (at < 0 && a == b)) at = std::int32_t(p);
          }
        }
      }
    }
    for (Index g = from; g < to; ++g)
      for (Index i = 0; i < lanes; i += W::n) {
        A* into = y + g * job.y_bin + i;
        if (job.n[g] == 0) W::store(into, W::fill(A(job.empty)), lanes - i);
        else if (job.divide) W::store(into, W::load(into, lanes - i) / W::fill(A(job.n[g])), lanes - i);
      }
  }
  void spread(const A* g, A* y, Index from, Index to) const {
    for (Index p = from; p < to; ++p) {
      const Index window = job.owner[p];
      if (const Index next = job.owner[std::min(p + 24, to - 1)]; next >= 0)
        ask<0>(g + next * job.y_bin, 0, std::min<Index>(lanes * Index(sizeof(A)), 256));
      if (window < 0) continue;
      for (Index i = 0; i < lanes; i += W::n) {
        const V v = W::load(g + window * job.y_bin + i, lanes - i);
        W::store(y + p * job.pick[2].stride + i, job.divide ? v / W::fill(A(job.n[window])) : v, lanes - i);
      }
    }
  }
  void give_back(const A* g, const std::int32_t* place, A* y, Index from, Index to) const {
    for (Index o = from; o < to; ++o)
      for (Index i = 0; i < lanes; ++i)
        if (const Index p = place[o * job.y_bin + i]; p >= 0)
          y[p * job.pick[2].stride + i] = g[o * job.y_bin + i];
  }
  void run(int way, Index x_at, Index y_at, Index part) const {
    const A* x = static_cast<const A*>(job.x);
    A* y = static_cast<A*>(job.y);
    std::int32_t* place = static_cast<std::int32_t*>(job.place);
    if (place) place += y_at;
    const auto share = [&](Index all, Index i) { return all * i / job.parts; };
    if (way == SPREAD)
      return spread(x + y_at, y + x_at, share(job.positions, part), share(job.positions, part + 1));
    const Index from = share(job.bins, part), to = share(job.bins, part + 1);
    if (way == RETURN) give_back(x + y_at, place, y + x_at, from, to);
    else if (job.merge == SUM) fold<SUM>(x + x_at, y + y_at, place, from, to);
    else if (job.merge == MAX) fold<MAX>(x + x_at, y + y_at, place, from, to);
    else fold<MIN>(x + x_at, y + y_at, place, from, to);
  }
};

template <class A>
int owned(const anypool_lists& job, int way, Index begin, Index end) {
  const bool beside = job.x_lane == 1 && job.y_lane == 1 && job.lanes > 1;
  const Index rows = beside ? 1 : job.lanes;
  if (begin < 0) return int(std::min<Index>(job.outer * rows * job.parts, 1 << 30));
  for (Index t = begin; t < end; ++t) {
    const Index part = t % job.parts, lane = t / job.parts % rows, item = t / job.parts / rows;
    const Index x_at = item * job.x_outer + lane * job.x_lane, y_at = item * job.y_outer + lane * job.y_lane;
    if (beside) Owned<A, Wide<A>>{job, job.lanes}.run(way, x_at, y_at, part);
    else Owned<A, One<A>>{job, 1}.run(way, x_at, y_at, part);
  }
  return DONE;
}
}  // namespace anypool::ANYPOOL_ISA
