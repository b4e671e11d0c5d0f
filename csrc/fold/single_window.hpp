// The result of one window whose weights are powers of e, element by element from memory.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>

#include "abi/job.hpp"
#include "fold/merges.hpp"
#include "simd/halves.hpp"

namespace anypool::ANYPOOL_ISA {
template <class T>
struct SingleWindow {
  const anypool_job& job;
  const int lead;

  // Of an item and a lane, at[l] on each level from the lead on; false: no element is present. The weights
  // are relative to the greatest logarithm of the window.
  bool result(Index item, const Index* at, Index lane, double& y) const {
    Index x = lane * job.x_inner, w = lane * job.w_inner;
    for (int l = lead - 1; l >= 0; --l) {
      const auto& a = job.level[l];
      x += item % a.size * a.x_stride, w += item % a.size * a.w_stride, item /= a.size;
    }
    double top = least<double>, total = 0, sum = 0;
    bool some = false;
    const auto all = [&](auto visit) { each(lead, x, w, at, false, visit); };
    all([&](double, double a) { some = true, top = a > top ? a : top; });
    if (!some) return false;
    const auto share = [&](double v, double a) {
      const double e = std::exp(a - top);
      return e == 0 && v - v != 0 ? std::numeric_limits<double>::min() : e;
    };
    const bool squares = job.finish == DIVIDE_ROOT;
    all([&](double v, double a) {
      const double e = share(v, a);
      total += e, sum += e * (squares ? v * v : v);
    });
    y = squares ? std::sqrt(sum / total) : sum / total;
    if (job.finish != VAR && job.finish != STD) return true;
    const double mean = y;
    sum = 0;
    all([&](double v, double a) { sum += share(v, a) * (v - mean) * (v - mean); });
    y = job.finish == STD ? std::sqrt(sum / total) : sum / total;
    return true;
  }

 private:
  // visit(x, logarithm of the weight) for the present elements.
  template <class Visit>
  void each(int l, Index x, Index w, const Index* at, bool beyond, Visit& visit) const {
    if (l == job.levels) return one(x, w, beyond, visit);
    const auto& a = job.level[l];
    const Index first = a.windows ? a.first[at[l]] : at[l], n = a.windows ? a.length[at[l]] : 1;
    for (Index i = 0; i < n; ++i) {
      const Index p = first + i * a.step, q = a.source ? a.source[p] : p, r = std::max<Index>(q, 0);
      each(l + 1, x + r * a.x_stride, w + r * a.w_stride, at, beyond || q < 0, visit);
    }
  }
  template <class Visit>
  void one(Index x, Index w, bool beyond, Visit& visit) const {
    T element;
    std::memcpy(&element, &job.fill, sizeof(T));
    if (!beyond) element = static_cast<const T*>(job.x)[x];
    const double v = double(number(element)), a = beyond ? 0.0 : logarithm(w);
    if (a > least<double> && !(job.omit && v != v)) visit(v, job.rate == 0 ? a : a + job.rate * v);
  }
  double logarithm(Index w) const {
    return job.w_type == F32 ? double(static_cast<const float*>(job.w)[w])
                             : static_cast<const double*>(job.w)[w];
  }
};
}  // namespace anypool::ANYPOOL_ISA
