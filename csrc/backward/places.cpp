// The gradient of a selection: each window adds to the element that it chose. An item belongs to one thread,
// so the order is fixed. Measured against each element asking its windows, which needs no zeros but reads
// each gradient as often as windows overlap: 2x2/2 6.7 -> 3.5 ms, 3x3/2 9.2 -> 3.5 ms, 3x3/1 17.4 -> 12.3 ms
// (16x64x112x112, two threads).
#include <algorithm>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "simd/halves.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
// Square windows that tile the last two levels: each element asks the one window that holds it.
// Measured against windows that add to their elements: 2x2/2 (16x64x112x112, two threads) 3.8 -> 1.9 ms.
template <class P>
struct Tiles {
  using L = Lanes<float>;
  using I = Lanes<std::int32_t>;
  const anypool_level *a = nullptr, *b = nullptr;
  bool serves = false;
  Array<std::int32_t> from, lane, column,
      place;  // of each vector of elements: the first window, each lane's from there, its column in it

  explicit Tiles(const anypool_job& job) {
    if (job.levels < 2 || job.inner != 1) return;
    a = job.level + job.levels - 2, b = a + 1;
    serves = a->places > 1 && a->places == b->places;
    for (const anypool_level* l = job.level; l <= b; ++l) {
      if (l < a) serves &= !l->windows;
      else
        serves &= l->windows && l->affine && l->step == 1 && l->start == 0 && l->stride == l->places &&
                  l->windows * l->places <= l->size;
    }
    if (!serves) return;
    const Index k = b->places;
    for (Index i = 0; i < (b->size + L::n - 1) / L::n * L::n; ++i) {
      if (i % L::n == 0) from.push_back(std::int32_t(std::min(i / k, b->windows)));
      lane.push_back(std::int32_t(i / k) - std::int32_t(i / L::n * L::n / k));
      column.push_back(i / k < b->windows ? std::int32_t(i % k) : -1 - std::int32_t(k * k));
    }
    place.resize(b->windows + I::n);
  }

  void item(const float* g, const P* chosen, float* y) {
    const Index k = a->places;
    for (Index o = 0; o < a->windows; ++o, g += b->windows, chosen += b->windows, y += k * b->size) {
      ask<0>(g, 8192, b->windows * Index(sizeof(float)));
      ask<1>(y, 4096, k * b->size * Index(sizeof(float)));
      std::copy_n(chosen, b->windows, place.data());
      for (Index i = 0, v = 0; i < b->size; i += L::n, ++v) {
        const auto at = I::load(lane.data() + i);
        const auto shares = L::load(g + from[v], b->windows - from[v]);
        const auto share = picked<float>(shares, shares, at);
        const auto places = I::load(place.data() + from[v]);
        auto left = picked<std::int32_t>(places, places, at) - I::load(column.data() + i);
        for (Index r = 0; r < k; ++r, left -= std::int32_t(k))
          L::store(y + r * b->size + i, left == 0 ? share : L::V{}, b->size - i);
      }
    }
    std::fill_n(y, (a->size - a->windows * k) * b->size, 0.0f);
  }
};

template <class T, class P>
struct Places {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  static constexpr P nowhere = P(-1);  // of a window whose elements are all absent
  const anypool_job& job;
  const anypool_level* level;
  const int levels;
  int lead = 0;                 // the first pooled level
  Array<Index> lanes, results;  // under each level, of elements and of windows
  Array<Index> offset;          // from a window's first element to the one at each place
  Array<A> total;
  Tiles<P> tiles;

  explicit Places(const anypool_job& j)
      : job(j), level(j.level), levels(int(j.levels)), lanes(levels), results(levels), tiles(j) {
    Index in = job.inner, out = job.inner, places = 1;
    Array<Index> share(levels);  // places under each pooled level
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out, share[l] = places;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
      if (level[l].windows) places *= level[l].places;
    }
    while (!level[lead].windows) ++lead;
    offset.assign(std::max<Index>(places, 1), 0);
    for (int l = lead; l < levels; ++l)
      for (Index p = 0; level[l].windows && p < places; ++p)
        offset[p] += p / share[l] % level[l].places * level[l].step * lanes[l];
  }

  void item(Index i) {
    const Index in = lanes[lead] * level[lead].size, out = results[lead] * level[lead].windows;
    T* y = static_cast<T*>(job.y) + i * in;
    if constexpr (std::is_same_v<T, float> && picks<float>)
      if (tiles.serves)
        return tiles.item(static_cast<const float*>(job.x) + i * out, static_cast<const P*>(job.w) + i * out,
                          y);
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
        if (a.length[o] && place[o] != nowhere) to[a.first[o] + table[place[o]]] += A(number(g[o]));
      return;
    }
    for (Index o = 0; o < count; ++o, g += results[l], place += results[l]) {
      A* here = to + (a.windows ? a.first[o] : o) * lanes[l];
      if (a.windows && !a.length[o]) continue;
      if (l < levels - 1) spread(l + 1, g, place, here);
      else
        for (Index u = 0; u < job.inner; ++u)
          if (place[u] != nowhere) here[offset[place[u]] + u] += A(number(g[u]));
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
  return guarded([&]() -> int {
    switch (job.x_type) {
      case F32: return with_place<float>(job, begin, end);
      case F64: return with_place<double>(job, begin, end);
      case F16: return with_place<Half>(job, begin, end);
      case BF16: return with_place<Brain>(job, begin, end);
      default: return DECLINED;
    }
  });
}
}  // namespace anypool::ANYPOOL_ISA
