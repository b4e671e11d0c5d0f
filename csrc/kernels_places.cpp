// The gradient of a selection: each window adds to the element that it chose. An item belongs to one thread, so the order is fixed.
// Measured against each element asking its windows, which needs no zeros but reads each gradient as often as windows
// overlap: 2x2/2 6.7 -> 3.5 ms, 3x3/2 9.2 -> 3.5 ms, 3x3/1 17.4 -> 12.3 ms (16x64x112x112, two threads).
#include <algorithm>
#include <new>
#include <vector>

#include "halves.hpp"
#include "job.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
template <class T, class P>
struct Places {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const anypool_job& job;
  const anypool_level* level;
  const int levels;
  int lead = 0;  // the first pooled level
  std::vector<Index> lanes, results;  // under each level, of elements and of windows
  std::vector<Index> offset;          // from a window's first element to the one at each place
  std::vector<A> total;

  explicit Places(const anypool_job& j) : job(j), level(j.level), levels(int(j.levels)), lanes(levels), results(levels) {
    Index in = job.inner, out = job.inner, places = 1;
    std::vector<Index> share(levels);  // places under each pooled level
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out, share[l] = places;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
      if (level[l].windows) places *= level[l].places;
    }
    while (!level[lead].windows) ++lead;
    offset.assign(std::max<Index>(places, 1), 0);
    for (int l = lead; l < levels; ++l)
      for (Index p = 0; level[l].windows && p < places; ++p) offset[p] += p / share[l] % level[l].places * level[l].step * lanes[l];
  }

  void item(Index i) {
    const Index in = lanes[lead] * level[lead].size, out = results[lead] * level[lead].windows;
    T* y = static_cast<T*>(job.y) + i * in;
    A* to;
    if constexpr (std::is_same_v<T, A>) to = y;
    else total.resize(in), to = total.data();
    std::fill(to, to + in, A(0));
    spread(lead, static_cast<const T*>(job.x) + i * out, static_cast<const P*>(job.w) + i * out, to);
    if constexpr (!std::is_same_v<T, A>) narrow(static_cast<const A*>(to), y, in);
  }

  void spread(int l, const T* g, const P* place, A* to) const {
    const auto& a = level[l];
    const Index count = a.windows ? a.windows : a.size;
    if (l == levels - 1 && job.inner == 1 && a.windows) {
      const Index* const table = offset.data();
      for (Index o = 0; o < count; ++o)
        if (a.length[o]) to[a.first[o] + table[place[o]]] += A(number(g[o]));
      return;
    }
    for (Index o = 0; o < count; ++o, g += results[l], place += results[l]) {
      A* here = to + (a.windows ? a.first[o] : o) * lanes[l];
      if (a.windows && !a.length[o]) continue;
      if (l < levels - 1) spread(l + 1, g, place, here);
      else
        for (Index u = 0; u < job.inner; ++u) here[offset[place[u]] + u] += A(number(g[u]));
    }
  }
};

template <class T, class P>
int run(const anypool_job& job, Index begin, Index end) {
  Places<T, P> f(job);
  for (Index i = begin; i < end; ++i) f.item(i);
  return DONE;
}

template <class T>
int with_place(const anypool_job& job, Index begin, Index end) {
  return job.w_type == U8 ? run<T, std::uint8_t>(job, begin, end) : run<T, std::int32_t>(job, begin, end);
}
}  // namespace

int places(const anypool_job& job, Index begin, Index end);
int places(const anypool_job& job, Index begin, Index end) {
  try {
    switch (job.x_type) {
      case F32: return with_place<float>(job, begin, end);
      case F64: return with_place<double>(job, begin, end);
      case F16: return with_place<Half>(job, begin, end);
      case BF16: return with_place<Brain>(job, begin, end);
      default: return DECLINED;
    }
  } catch (const std::bad_alloc&) {
    return NO_MEMORY;
  }
}
}  // namespace anypool::ANYPOOL_ISA
