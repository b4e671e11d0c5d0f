// The gradient of a sum over windows that list their elements, for the weights that the lists carry.
#include <algorithm>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "indexed/listed.hpp"
#include "simd/halves.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
template <class X>
struct Weights {
  using A = std::conditional_t<std::is_same_v<X, double>, double, float>;
  const anypool_lists& job;
  double* const* to;  // an entry each, along each axis
  Array<A> found;

  // Of each element of a window (row by row): Σ over items and lanes of gradient · element.
  void window(Index of, Index group, Index bin) {
    Index from[3], n[3], rest = bin;
    for (int a = 2; a >= 0; --a) {
      const auto& p = job.pick[a];
      const Index row = group * p.out + rest % p.out;
      rest /= p.out;
      from[a] = p.offsets[row], n[a] = p.offsets[row + 1] - from[a];
    }
    found.assign(n[0] * n[1] * n[2], A(0));
    const auto at = [&](int a, Index e) { return job.pick[a].index[from[a] + e]; };
    for (Index item = 0; item < job.outer; ++item) {
      const X* g = static_cast<const X*>(job.y) + item * job.y_outer + group * job.y_group + bin * job.y_bin;
      const X* x = static_cast<const X*>(job.x) + item * job.x_outer + of * job.x_image;
      const auto rows = [&](auto body) {  // body(a row's elements, its place)
        for (Index i = 0; i < n[0]; ++i)
          for (Index j = 0; j < n[1]; ++j)
            if (at(0, i) >= 0 && at(1, j) >= 0)
              body(x + at(0, i) * job.pick[0].stride + at(1, j) * job.pick[1].stride,
                   &found[(i * n[1] + j) * n[2]]);
      };
      if (job.x_lane == 1)
        rows([&](const X* row, A* sum) {
          for (Index k = 0; k < n[2]; ++k) {
            if (at(2, k) < 0) continue;
            const X* lanes = row + at(2, k) * job.pick[2].stride;
            A part[8] = {};  // a fixed number of partial sums, which vectors hold
            for (Index l = 0; l < job.lanes; ++l)
              part[l % 8] += A(number(lanes[l])) * A(number(g[l * job.y_lane]));
            for (const A p : part) sum[k] += p;
          }
        });
      else
        for (Index l = 0; l < job.lanes; ++l) {
          const A share = A(number(g[l * job.y_lane]));
          rows([&](const X* row, A* sum) {
            const X* lane = row + l * job.x_lane;
            for (Index k = 0; k < n[2]; ++k)
              if (at(2, k) >= 0) sum[k] += share * A(number(lane[at(2, k) * job.pick[2].stride]));
          });
        }
    }
    const auto tap = [&](int a, Index e) { return job.pick[a].taps ? job.pick[a].taps[from[a] + e] : 1.0; };
    for (Index i = 0, e = 0; i < n[0]; ++i)
      for (Index j = 0; j < n[1]; ++j)
        for (Index k = 0; k < n[2]; ++k, ++e) {
          const double d = double(found[e]);
          if (to[0]) to[0][from[0] + i] += d * tap(1, j) * tap(2, k);
          if (to[1]) to[1][from[1] + j] += d * tap(0, i) * tap(2, k);
          if (to[2]) to[2][from[2] + k] += d * tap(0, i) * tap(1, j);
        }
  }
};

template <class X>
int run(const anypool_lists& job, double* const* to, Index begin, Index end) {
  Weights<X> all{job, to, {}};
  Index of = 0;
  for (Index k = begin; k < end; ++k) {  // a group's entries are its own: no other task adds to them
    while (job.begin[of + 1] <= k) ++of;
    for (Index bin = 0; bin < job.bins; ++bin) all.window(of, job.order[k], bin);
  }
  return DONE;
}
}  // namespace

int list_weights(const anypool_lists& job, double* const* to, Index begin, Index end);
int list_weights(const anypool_lists& job, double* const* to, Index begin, Index end) {
  return guarded([&] {
    switch (job.type) {
      case F32: return run<float>(job, to, begin, end);
      case F64: return run<double>(job, to, begin, end);
      case F16: return run<Half>(job, to, begin, end);
      default: return run<Brain>(job, to, begin, end);
    }
  });
}
}  // namespace anypool::ANYPOOL_ISA
