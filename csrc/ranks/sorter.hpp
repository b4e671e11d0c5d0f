// Windows side by side in lanes: laid, sorted with their masses and places, and given back as rows; and the
// way back.
#pragma once
#include <algorithm>
#include <utility>

#include "abi/job.hpp"
#include "abi/sorted.hpp"
#include "ranks/exchanges.hpp"
#include "ranks/keys.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index MOST_ACROSS =
    1024;  // elements sorted across lanes: 24 063 exchanges of vectors; then each window alone
constexpr Index NOWHERE = std::numeric_limits<Index>::min();  // the border's constant
struct Nothing {};                                            // the type of weights where there are none

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
    const double *table = job.table, none = table ? 0.0 : 1.0;
    const auto tap = [&](int a, Index e) { return job.pick[a].taps ? job.pick[a].taps[e] : none; };
    Index place = 0;
    for (Index e0 = from[0]; e0 < to[0]; ++e0)
      for (Index e1 = from[1]; e1 < to[1]; ++e1) {
        const double t = table ? tap(0, e0) + tap(1, e1) : tap(0, e0) * tap(1, e1);
        const Index i0 = job.pick[0].index[e0], i1 = job.pick[1].index[e1];
        for (Index e2 = from[2]; e2 < to[2]; ++e2)
          body(place++, i0, i1, job.pick[2].index[e2], table ? table[Index(t + tap(2, e2))] : t * tap(2, e2));
      }
  }
};
ANYPOOL_INLINE Index at(Index a, Index b, Index c, const Index (&stride)[3]) {
  return (a | b | c) < 0 ? NOWHERE : a * stride[0] + b * stride[1] + c * stride[2];
}

// What tells element types apart whose keys are of type T and whose shown values of type V.
template <class T, class V>
struct SortedType {
  Index width;  // bytes of an element
  V absent;     // is shown where there is no element
  // n elements x, `step` apart, with their masses: keys, and T(`tie`) where an element is present, else
  // T(`tie` + `places`); the elements; how many each window has by now, and whether one is a NaN. Masses of
  // absent ones become 0.
  void (*place)(const void* x, Index step, Index n, bool omit, T tie, Index places, double* mass, T* keys,
                T* tied, V* raw, std::int64_t* present, std::uint8_t* nan);
};

template <class S>
struct SortedElements {
  using K = Ordered<S>;
  using T = std::conditional_t<sizeof(typename K::Lane) == 8, std::int64_t, std::int32_t>;
  using V = std::conditional_t<!K::floats, std::make_unsigned_t<std::conditional_t<K::floats, int, S>>,
                               std::conditional_t<sizeof(S) == 8, double, float>>;
  static constexpr T behind = std::numeric_limits<T>::max();

  static V shown(S x) {
    if constexpr (K::floats && sizeof(S) == 2) return number(x);
    else return V(x);
  }
  static T key(S x) {
    if constexpr (K::floats)
      return is_nan(x) ? behind : K::in(x) == K::in(S(zero<-1>())) ? T(K::in(S(zero<1>()))) : T(K::in(x));
    else return T(K::in(x));
  }
  template <int sign>
  static S zero() {
    S x{};
    if constexpr (K::floats && sizeof(S) == 2) narrow(sign * 0.0f, x);
    else if constexpr (K::floats) x = sign * S(0);
    return x;
  }
  static void place(const void* from, Index step, Index n, bool omit, T tie, Index places, double* mass,
                    T* keys, T* tied, V* raw, std::int64_t* present, std::uint8_t* nan) {
    const S* x = static_cast<const S*>(from);
    const auto all = [&](auto many, auto apart) ANYPOOL_FLAT {
      for (Index j = 0; j < many; ++j) {
        const S v = x[j * apart];
        const bool missing = is_nan(v), has = mass[j] != 0 && !(missing && omit);
        keys[j] = has ? key(v) : behind;
        tied[j] = has ? tie : T(tie + places);
        raw[j] = shown(v);
        present[j] += has, nan[j] |= has && missing;
        mass[j] = has ? mass[j] : 0;
      }
    };
    constexpr Index whole = Lanes<T>::n;
    if (n == whole && step == 1)
      all(std::integral_constant<Index, whole>{}, std::integral_constant<Index, 1>{});
    else all(n, step);
  }
  static SortedType<T, V> type() { return {sizeof(S), shown(K::last()), place}; }
};

template <class T, class V>
struct Sorter {
  using L = Lanes<T>;
  const anypool_sorted& job;
  const SortedType<T, V> type;
  const Index places = job.places, strides[3] = {job.pick[0].stride, job.pick[1].stride, job.pick[2].stride};
  const bool across = places <= MOST_ACROSS;
  static constexpr T behind = std::numeric_limits<T>::max();
  Window window{job};
  Array<T> keys, tied;
  Array<V> raw;
  Array<double> mass;
  double unread[L::n];  // masses that nobody asked for
  Array<std::pair<T, T>> one;
  Pairs pairs;
  Array<Index> end, apart;  // of the last axis

  // For the windows [first, last) of the job's.
  Sorter(const anypool_sorted& j, SortedType<T, V> t, Index first, Index last) : job(j), type(t) {
    const Index room = places * L::n;
    keys.resize(room), tied.resize(room), raw.resize(room), mass.resize(job.masses ? room : 0);
    if (across) pairs = exchanges(places);
    find_runs((job.begin + first) % job.pick[2].out, last - first);
  }

  // Windows side by side: how far each lies from the one before along the last axis, and where a run of equal
  // steps ends. Only of those at hand: of 10^4 segments all of them, for each few hundred, took half of the
  // time.
  void find_runs(Index begin, Index many) {
    const auto& p = job.pick[2];
    const bool some = begin + many <= p.out;
    const Index first = some ? begin : 0, last = some ? begin + many : p.out;
    end.resize(p.out), apart.resize(p.out);
    const auto follows = [&](Index o, Index& step) {  // whether window o + 1 is window o, moved
      const Index n = p.offsets[o + 1] - p.offsets[o], *a = p.index + p.offsets[o],
                  *b = p.index + p.offsets[o + 1];
      if (n == 0 || p.offsets[o + 2] - p.offsets[o + 1] != n) return false;
      step = b[0] - a[0];
      for (Index e = 0; e < n; ++e)
        if (a[e] < 0 || b[e] < 0 || b[e] - a[e] != step ||
            (p.taps && p.taps[p.offsets[o] + e] != p.taps[p.offsets[o + 1] + e]))
          return false;
      return true;
    };
    for (Index o = last - 1; o >= first; --o) {
      Index step = 0;
      const bool moved = o + 1 < last && follows(o, step);
      apart[o] = moved ? step : 0;
      end[o] = moved && (end[o + 1] == o + 2 || apart[o + 1] == step) ? end[o + 1] : o + (moved ? 2 : 1);
    }
  }

  // Windows [number, number + many) of a run, each moved by a step from the one before, into lanes i and on.
  template <class W>
  void lay(Index number, Index i, Index many, std::int64_t* present, std::uint8_t* nan) {
    const Index step = apart[number % job.pick[2].out], x_step = step * strides[2],
                w_step = step * job.w_stride[2];
    window.find(number);
    const auto* x = static_cast<const unsigned char*>(job.x) + job.row_x[window.row] * type.width;
    const W* w = static_cast<const W*>(job.w) + (job.w ? job.row_w[window.row] : 0);
    Index n = 0;
    const auto tie = [&](Index at) { return T(job.flipped ? places - 1 - at : at); };
    window.each([&](Index at_, Index a, Index b, Index c, double tap) {
      const Index from = at(a, b, c, strides), e = at_ * L::n + i;
      double* m = job.masses ? &mass[e] : unread;
      const bool beyond = from == NOWHERE;
      for (Index j = 0; j < many; ++j) m[j] = tap;
      if constexpr (!std::is_same_v<W, Nothing>)
        if (const W* here = beyond ? nullptr : w + at(a, b, c, job.w_stride))
          for (Index j = 0; j < many; ++j)
            m[j] = std::is_same_v<W, std::uint8_t> ? (here[j * w_step] ? tap : 0)
                                                   : tap * double(here[j * w_step]);
      const void* first = beyond ? static_cast<const void*>(&job.fill) : x + from * type.width;
      type.place(first, beyond ? 0 : x_step, many, job.omit, tie(at_), places, m, &keys[e], &tied[e], &raw[e],
                 present, nan);
      n = at_ + 1;
    });
    for (; n < places; ++n)
      for (Index j = 0; j < many; ++j) {
        const Index e = n * L::n + i + j;
        keys[e] = behind, tied[e] = T(tie(n) + places), raw[e] = V{};
        if (job.masses) mass[e] = 0;
      }
  }
  void lay_all(Index begin, Index lanes) {
    std::fill_n(job.present + begin, lanes, 0), std::fill_n(job.nan + begin, lanes, 0);
    for (Index i = 0, many; i < lanes; i += many) {
      const Index number = job.begin + begin + i, o = number % job.pick[2].out;
      many = std::min(lanes - i, end[o] - o);
      auto* present = job.present + begin + i;
      auto* nan = job.nan + begin + i;
      if (!job.w) lay<Nothing>(number, i, many, present, nan);
      else if (job.w_type == U8) lay<std::uint8_t>(number, i, many, present, nan);
      else if (job.w_type == F32) lay<float>(number, i, many, present, nan);
      else lay<double>(number, i, many, present, nan);
    }
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
  void block(Index begin, Index lanes) {
    lay_all(begin, lanes);
    if (across) sort();
    else
      for (Index i = 0; i < lanes; ++i) sort_lane(i);
    const Index far = job.count;
    V* values = static_cast<V*>(job.values) + begin;
    double total[L::n] = {};
    for (Index e = 0; e < places; ++e) {
      Index from[L::n];  // of the element in its lane
      for (Index i = 0; i < lanes; ++i) {
        const Index t = tied[e * L::n + i], rest = t < places ? t : t - places;
        from[i] = job.flipped ? places - 1 - rest : rest;
        values[e * far + i] = t < places ? raw[from[i] * L::n + i] : type.absent;
      }
      if (job.order)
        for (Index i = 0; i < lanes; ++i) job.order[e * far + begin + i] = std::int32_t(from[i]);
      if (job.masses)
        for (Index i = 0; i < lanes; ++i) {
          const double m = mass[from[i] * L::n + i];
          job.masses[e * far + begin + i] = m, job.cumulated[e * far + begin + i] = total[i] += m;
        }
    }
  }

  // The gradients of one window's values go to the elements that they came from.
  void give(Index k, Array<Index>& offset) {
    using A = V;
    window.find(job.begin + k);
    offset.clear();
    window.each(
        [&](Index, Index a, Index b, Index c, double) { offset.push_back(at(a, b, c, job.g_stride)); });
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
      for (; end < job.present[k] &&
             (values[end * job.count] == v || (v != v && values[end * job.count] != values[end * job.count]));
           ++end)
        total += g[end * job.count], first = std::min(first, place(end)), last = std::max(last, place(end));
      if (total == 0) continue;
      if (job.ties < 3) add(job.ties == 1 ? first : last, total);
      else
        for (Index r = e; r < end; ++r) add(place(r), total / A(end - e));
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
