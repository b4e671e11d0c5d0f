// The gradient of selected values: each window looks for its value and adds to the element that holds it.
#include <algorithm>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "simd/halves.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
template <class T>
struct Owners {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  using I = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  static constexpr Index block = 256;
  const anypool_job& job;
  const anypool_level* level;
  const int levels;
  int lead = 0;                 // the first pooled level
  Array<Index> lanes, results;  // under each level, of elements and of windows
  Array<Index> offset;          // from x to the elements of the windows at hand, in the order of their places
  Array<Index> rows;            // likewise, without the last level

  explicit Owners(const anypool_job& j)
      : job(j), level(j.level), levels(int(j.levels)), lanes(levels), results(levels) {
    Index in = job.inner, out = job.inner;
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
    }
    while (!level[lead].windows) ++lead;
  }

  void item(Index i) {
    rows.assign(1, i * lanes[lead] * level[lead].size);
    windows(lead, i * results[lead] * level[lead].windows);
  }

  // All windows of a level and those under it; `y` is where their answers begin.
  void windows(int l, Index y) {
    const auto& a = level[l];
    if (l == levels - 1) return last(y);
    if (!a.windows) {
      for (Index o = 0; o < a.size; ++o) inside(l, y + o * results[l], o, 1, 1);
      return;
    }
    for (Index o = 0; o < a.windows; ++o) inside(l, y + o * results[l], a.first[o], a.length[o], a.step);
  }
  void inside(int l, Index y, Index first, Index length, Index step) {
    const Array<Index> outer = rows;
    rows.clear();
    for (const Index at : outer)
      for (Index t = 0; t < length; ++t) rows.push_back(at + (first + t * step) * lanes[l]);
    windows(l + 1, y);
    rows = outer;
  }
  void last(Index y) {
    const auto& a = level[levels - 1];
    for (Index o = 0, next; o < a.windows; o = next) {
      next = o + 1;  // windows of one length and equally far apart are looked at together
      if (job.inner == 1 && a.affine)
        while (next < a.windows && a.length[next] == a.length[o] &&
               a.first[next] == a.first[o] + (next - o) * a.stride)
          ++next;
      offset.clear();
      for (const Index at : rows)
        for (Index t = 0; t < a.length[o]; ++t) offset.push_back(at + (a.first[o] + t * a.step) * job.inner);
      look(y + o * job.inner, offset, job.inner == 1 ? next - o : job.inner,
           job.inner == 1 && next - o > 1 ? a.stride : 1);
    }
  }

  // n windows whose elements lie `apart`: from the last place to the first (or the other way), the one found
  // at the end wins.
  void look(Index y, const Array<Index>& at, Index n, Index apart) {
    for (Index b = 0; b < n; b += block) {
      const Index m = std::min(block, n - b);
      if (apart == 1) look<true>(y + b, at, b, m, 1);
      else look<false>(y + b, at, b * apart, m, apart);
    }
  }
  template <bool near>
  void look(Index y, const Array<Index>& at, Index shift, Index n, Index apart) {
    const Index places = Index(at.size()), far = near ? 1 : apart;
    const T *values = static_cast<const T*>(job.y) + y, *g = static_cast<const T*>(job.g) + y;
    const auto* mask = static_cast<const std::uint8_t*>(job.w);
    I found[block];
    std::fill_n(found, n, I(-1));
    for (Index k = 0; k < places; ++k) {
      const I place = I(job.last ? k : places - 1 - k);
      const Index here = at[place] + shift;
      const T* x = static_cast<const T*>(job.x) + here;
      if (mask)
        for (Index i = 0; i < n; ++i)
          found[i] =
              ((number(x[i * far]) == number(values[i])) & (mask[here + i * far] != 0)) ? place : found[i];
      else
        for (Index i = 0; i < n; ++i) found[i] = number(x[i * far]) == number(values[i]) ? place : found[i];
    }
    A* to = static_cast<A*>(job.place) + shift;
    for (Index i = 0; i < n; ++i)
      if (found[i] >= 0) to[at[found[i]] + i * far] += A(number(g[i]));
  }
};

template <class T>
int run(const anypool_job& job, Index begin, Index end) {
  Owners<T> f(job);
  for (Index i = begin; i < end; ++i) f.item(i);
  return DONE;
}
}  // namespace

int owners(const anypool_job& job, Index begin, Index end);
int owners(const anypool_job& job, Index begin, Index end) {
  return guarded([&]() -> int {
    switch (job.x_type) {
      case F32: return run<float>(job, begin, end);
      case F64: return run<double>(job, begin, end);
      case F16: return run<Half>(job, begin, end);
      case BF16: return run<Brain>(job, begin, end);
      default: return DECLINED;
    }
  });
}
}  // namespace anypool::ANYPOOL_ISA
