// The elements of one window that lists them, one after the other.
#pragma once
#include "abi/lists.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
// The elements that tasks work on: x itself, or an image of it with its lanes side by side.
struct View {
  Index step[3];   // from one position of each axis to the next
  Index inner[3];  // positions under each axis, which places are counted in
};

// body(offset, place, weight) for each element of a window, in row-major order.
template <class A, class Body>
ANYPOOL_INLINE void each_element(const anypool_lists& job, const View& view, Index group, Index bin,
                                 Body body) {
  if (job.scattered) {  // one axis of lists, none of which weighs
    const auto& p = job.pick[2];
    for (Index e = p.offsets[group * job.bins + bin], end = p.offsets[group * job.bins + bin + 1]; e < end;
         ++e)
      body(p.index[e] * view.step[2], p.index[e], A(1));
    return;
  }
  Index from[3], to[3], rest = bin;
  for (int a = 2; a >= 0; --a) {
    const auto& p = job.pick[a];
    const Index row = group * p.out + rest % p.out;
    rest /= p.out;
    from[a] = p.offsets[row], to[a] = p.offsets[row + 1];
  }
  const auto tap = [&](int a, Index e) { return job.pick[a].taps ? A(job.pick[a].taps[e]) : A(1); };
  for (Index e0 = from[0]; e0 < to[0]; ++e0) {
    const Index i0 = job.pick[0].index[e0];
    const A t0 = tap(0, e0);
    for (Index e1 = from[1]; e1 < to[1]; ++e1) {
      const Index i1 = job.pick[1].index[e1], at = i0 * view.step[0] + i1 * view.step[1],
                  place = i0 * view.inner[0] + i1 * view.inner[1];
      const A t1 = t0 * tap(1, e1);
      for (Index e2 = from[2]; e2 < to[2]; ++e2) {
        const Index i2 = job.pick[2].index[e2];
        body(at + i2 * view.step[2], place + i2, t1 * tap(2, e2));
      }
    }
  }
}

inline View view_of(const anypool_lists& job, Index lanes) {
  View v;
  Index inner = 1;
  for (int a = 2; a >= 0; --a) {
    v.inner[a] = inner, v.step[a] = lanes ? inner * lanes : job.pick[a].stride;
    inner *= job.pick[a].size;
  }
  return v;
}
}  // namespace anypool::ANYPOOL_ISA
