// Windows sorted whole, a vector of them side by side, with their masses and the places that elements came from.
#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "job.hpp"
#include "orders_keys.hpp"
#include "orders_sorted.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index MOST_ACROSS = 1024;  // elements sorted across lanes: 24 063 exchanges of vectors; then each window alone
constexpr Index NOWHERE = std::numeric_limits<Index>::min();  // the border's constant
using Pairs = std::vector<std::pair<std::int16_t, std::int16_t>>;

// Batcher's odd-even sort of n rows.
Pairs exchanges(Index n) {
  Pairs made;
  for (Index p = 1; p < n; p *= 2)
    for (Index k = p; k >= 1; k /= 2)
      for (Index j = k % p; j + k < n; j += 2 * k)
        for (Index i = 0; i < k; ++i)
          if (i + j + k < n && (i + j) / (2 * p) == (i + j + k) / (2 * p)) made.emplace_back(i + j, i + j + k);
  return made;
}

// Where a window's elements lie, in the order of their places.
struct Window {
  const anypool_sorted& job;
  const Index per = job.pick[0].out * job.pick[1].out * job.pick[2].out;
  Index row = 0, from[3] = {}, to[3] = {};

  void find(Index number) {
    Index rest = number % per;
    row = number / per;
    for (int a = 2; a >= 0; --a) {
      const auto& p = job.pick[a];
      const Index o = rest % p.out;
      rest /= p.out, from[a] = p.offsets[o], to[a] = p.offsets[o + 1];
    }
  }
  // body(place, position on each axis, weight of its taps)
  template <class Body>
  ANYPOOL_INLINE void each(Body body) const {
    const auto tap = [&](int a, Index e) { return job.pick[a].taps ? job.pick[a].taps[e] : 1.0; };
    Index place = 0;
    for (Index e0 = from[0]; e0 < to[0]; ++e0)
      for (Index e1 = from[1]; e1 < to[1]; ++e1) {
        const double t = tap(0, e0) * tap(1, e1);
        const Index i0 = job.pick[0].index[e0], i1 = job.pick[1].index[e1];
        for (Index e2 = from[2]; e2 < to[2]; ++e2) body(place++, i0, i1, job.pick[2].index[e2], t * tap(2, e2));
      }
  }
};
ANYPOOL_INLINE Index at(Index a, Index b, Index c, const Index (&stride)[3]) {
  return (a | b | c) < 0 ? NOWHERE : a * stride[0] + b * stride[1] + c * stride[2];
}

template <class S>
struct Sorter {
  using K = Ordered<S>;
  using T = std::conditional_t<sizeof(typename K::Lane) == 8, std::int64_t, std::int32_t>;
  using V = std::conditional_t<!K::floats, S, std::conditional_t<sizeof(S) == 8, double, float>>;
  using L = Lanes<T>;
  const anypool_sorted& job;
  const Index places = job.places, strides[3] = {job.pick[0].stride, job.pick[1].stride, job.pick[2].stride};
  const bool across = places <= MOST_ACROSS;
  static constexpr T behind = std::numeric_limits<T>::max();
  Window window{job};
  S fill{};
  std::vector<T> keys, tied;
  std::vector<V> raw;
  std::vector<double> mass;
  std::vector<std::pair<T, T>> one;
  Pairs pairs;

  explicit Sorter(const anypool_sorted& j) : job(j) {
    std::memcpy(static_cast<void*>(&fill), &job.fill, sizeof(S));
    const Index room = places * L::n;
    keys.resize(room), tied.resize(room), raw.resize(room), mass.resize(job.masses ? room : 0);
    if (across) pairs = exchanges(places);
  }

  static V shown(S x) {
    if constexpr (K::floats && sizeof(S) == 2) return number(x);
    else return x;
  }
  static T key(S x) {
    if constexpr (K::floats) return is_nan(x) ? behind : K::in(x) == K::in(S(zero<-1>())) ? T(K::in(S(zero<1>()))) : T(K::in(x));
    else return T(K::in(x));
  }
  template <int sign>
  static S zero() {
    S x{};
    if constexpr (K::floats && sizeof(S) == 2) narrow(sign * 0.0f, x);
    else if constexpr (K::floats) x = sign * S(0);
    return x;
  }
  double weight(Index from) const {
    if (job.w_type == U8) return static_cast<const std::uint8_t*>(job.w)[from] != 0;
    return job.w_type == F32 ? static_cast<const float*>(job.w)[from] : static_cast<const double*>(job.w)[from];
  }

  // One window into lane i.
  void lay(Index number, Index i, std::int64_t& present, std::uint8_t& nan) {
    window.find(number);
    const S* x = static_cast<const S*>(job.x) + job.row_x[window.row];
    const Index shift = job.w ? job.row_w[window.row] : 0;
    Index n = 0, held = 0;
    bool spoiled = false;
    window.each([&](Index place, Index a, Index b, Index c, double tap) {
      const Index from = at(a, b, c, strides);
      const S v = from == NOWHERE ? fill : x[from];
      double m = tap;
      if (job.w && from != NOWHERE) m *= weight(shift + at(a, b, c, job.w_stride));
      const bool missing = is_nan(v), has = m != 0 && !(missing && job.omit);
      spoiled |= has && missing, held += has;
      const Index e = place * L::n + i;
      keys[e] = has ? key(v) : behind;
      tied[e] = T((job.flipped ? places - 1 - place : place) + (has ? 0 : places));
      raw[e] = shown(v);
      if (job.masses) mass[e] = has ? m : 0;
      n = place + 1;
    });
    for (; n < places; ++n) {
      const Index e = n * L::n + i;
      keys[e] = behind, tied[e] = T((job.flipped ? places - 1 - n : n) + places), raw[e] = V{};
      if (job.masses) mass[e] = 0;
    }
    present = held, nan = spoiled;
  }
  void sort() {
    for (const auto& [p, q] : pairs) {
      T *a = &keys[p * L::n], *b = &keys[q * L::n], *s = &tied[p * L::n], *t = &tied[q * L::n];
      const auto x = L::load(a), y = L::load(b), u = L::load(s), v = L::load(t);
      const auto turn = (x > y) | ((x == y) & (u > v));
      L::store(a, turn ? y : x), L::store(b, turn ? x : y);
      L::store(s, turn ? v : u), L::store(t, turn ? u : v);
    }
  }
  void sort_lane(Index i) {
    one.resize(places);
    for (Index e = 0; e < places; ++e) one[e] = {keys[e * L::n + i], tied[e * L::n + i]};
    std::sort(one.begin(), one.end());
    for (Index e = 0; e < places; ++e) keys[e * L::n + i] = one[e].first, tied[e * L::n + i] = one[e].second;
  }
  V absent() const { return shown(K::last()); }

  void block(Index begin, Index lanes) {
    for (Index i = 0; i < lanes; ++i) lay(job.begin + begin + i, i, job.present[begin + i], job.nan[begin + i]);
    if (across) sort();
    else
      for (Index i = 0; i < lanes; ++i) sort_lane(i);
    const Index far = job.count;
    V* values = static_cast<V*>(job.values) + begin;
    double total[L::n] = {}, scale[L::n];
    if (job.masses) {  // masses that sum to 1 or less are relative: scaled to the number of elements
      for (Index e = 0; e < places; ++e)
        for (Index i = 0; i < lanes; ++i) total[i] += mass[e * L::n + i];
      for (Index i = 0; i < lanes; ++i) scale[i] = total[i] > 0 && total[i] <= 1 + 1e-6 ? double(job.present[begin + i]) / total[i] : 1, total[i] = 0;
    }
    for (Index e = 0; e < places; ++e) {
      Index from[L::n];  // of the element in its lane
      for (Index i = 0; i < lanes; ++i) {
        const Index t = tied[e * L::n + i], rest = t < places ? t : t - places;
        from[i] = job.flipped ? places - 1 - rest : rest;
        values[e * far + i] = t < places ? raw[from[i] * L::n + i] : absent();
      }
      if (job.order)
        for (Index i = 0; i < lanes; ++i) job.order[e * far + begin + i] = std::int32_t(from[i]);
      if (job.masses)
        for (Index i = 0; i < lanes; ++i) {
          const double m = mass[from[i] * L::n + i] * scale[i];
          job.masses[e * far + begin + i] = m, job.cumulated[e * far + begin + i] = total[i] += m;
        }
    }
  }

  // The gradients of one window's values go to the elements that they came from.
  template <class A>
  void give(Index k, std::vector<Index>& offset) {
    window.find(job.begin + k);
    offset.clear();
    window.each([&](Index, Index a, Index b, Index c, double) { offset.push_back(at(a, b, c, job.g_stride)); });
    A* to = static_cast<A*>(job.gx) + job.row_g[window.row];
    const V* values = static_cast<const V*>(job.values) + k;
    const A* g = static_cast<const A*>(job.g) + k;
    const auto add = [&](std::int32_t place, A much) {
      if (const Index from = offset[place]; from != NOWHERE) to[from] += much;
    };
    const auto place = [&](Index e) { return job.order[e * job.count + k]; };
    for (Index e = 0, end; e < job.present[k]; e = end) {
      end = e + 1;
      A total = g[e * job.count];
      if (!job.ties) {
        if (total != 0) add(place(e), total);
        continue;
      }
      const V v = values[e * job.count];
      std::int32_t first = place(e), last = first;
      for (; end < job.present[k] && (values[end * job.count] == v || (v != v && values[end * job.count] != values[end * job.count])); ++end)
        total += g[end * job.count], first = std::min(first, place(end)), last = std::max(last, place(end));
      if (total == 0) continue;
      if (job.ties < 3) add(job.ties == 1 ? first : last, total);
      else
        for (Index r = e; r < end; ++r) add(place(r), total / A(end - e));
    }
  }
};

template <class S>
int tasks(const anypool_sorted& job, int spread, Index begin, Index end) {
  using Some = Sorter<S>;
  constexpr Index lanes = Some::L::n;
  if (begin < 0) return int((job.count + lanes - 1) / lanes);  // how many tasks there are
  if (spread) {  // a task is a row: what windows of different rows give meets nowhere
    if constexpr (!Some::K::floats) return DECLINED;
    else {
      using A = std::conditional_t<sizeof(S) == 8, double, float>;
      Some all(job);
      std::vector<Index> offset;
      const Index per = all.window.per;
      for (Index k = std::max(begin * per - job.begin, Index(0)); k < std::min(end * per - job.begin, job.count); ++k) all.template give<A>(k, offset);
      return DONE;
    }
  }
  Some all(job);
  for (Index b = begin * lanes; b < std::min(end * lanes, job.count); b += lanes) all.block(b, std::min(lanes, job.count - b));
  return DONE;
}
}  // namespace

int sorted(const anypool_sorted& job, int spread, Index begin, Index end);
int sorted(const anypool_sorted& job, int spread, Index begin, Index end) {
  try {
    switch (job.type) {
      case F32: return tasks<float>(job, spread, begin, end);
      case F64: return tasks<double>(job, spread, begin, end);
      case F16: return tasks<Half>(job, spread, begin, end);
      case BF16: return tasks<Brain>(job, spread, begin, end);
      case U8: return tasks<std::uint8_t>(job, spread, begin, end);
      case I8: return tasks<std::int8_t>(job, spread, begin, end);
      case U16: return tasks<std::uint16_t>(job, spread, begin, end);
      case I16: return tasks<std::int16_t>(job, spread, begin, end);
      case U32: return tasks<std::uint32_t>(job, spread, begin, end);
      case I32: return tasks<std::int32_t>(job, spread, begin, end);
      case U64: return tasks<std::uint64_t>(job, spread, begin, end);
      default: return tasks<std::int64_t>(job, spread, begin, end);
    }
  } catch (const std::bad_alloc&) {
    return NO_MEMORY;
  }
}
}  // namespace anypool::ANYPOOL_ISA
