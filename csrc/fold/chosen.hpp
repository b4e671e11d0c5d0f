// Selections of small square windows with their places, in registers; tiles that hold a NaN, or windows of
// nothing but infinities, are left to the staged way. An absent element is replaced by the infinity that
// never wins. A window of such elements is empty. A tile with a present infinity of this sign is staged.
#pragma once

#include "abi/job.hpp"
#include "fold/selected.hpp"
#include "fold/square.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// `together` rows of windows: the greatest (or least) of each, and row · unit + column of the first of them
// in its window. Returns whether each answer is certain. With `lacks`, a window in which every element is the
// identity element is empty.
template <int K, int stride, int pad, int together, bool least>
bool chosen_rows(const float* const* rows, float* const* values, std::int32_t* const* at, Index width,
                 Index windows, std::int32_t unit, bool lacks) {
  using L = Lanes<float>;
  using V = L::V;
  using I = Lanes<std::int32_t>::V;
  using M = std::conditional_t<least, Min<float>, Max<float>>;
  constexpr auto lanes = std::make_integer_sequence<int, int(L::n)>{};
  constexpr int all = K + (together - 1) * stride;
  constexpr bool ahead = K - 1 - pad >= stride;
  const V none = L::fill(M::nothing);
  I doubt{};
  struct Streams {
    V v[all][stride];
  };
  auto fetch = [&](auto load) ANYPOOL_FLAT {
    Streams made;
#pragma GCC unroll 8
    for (int r = 0; r < all; ++r) {
      V part[stride];
#pragma GCC unroll 2
      for (int s = 0; s < stride; ++s) part[s] = load(r, s * L::n), doubt |= I(part[s] != part[s]);
      if constexpr (stride == 1) made.v[r][0] = part[0];
      else
        made.v[r][0] = every_other<float, 0>(part[0], part[1]),
        made.v[r][1] = every_other<float, 1>(part[0], part[1]);
    }
    return made;
  };
  auto any = [&](Index from) {
    if (from + stride * L::n <= width)
      return fetch([&](int r, Index i) ANYPOOL_FLAT { return L::load(rows[r] + from + i); });
    if (from >= width) return fetch([&](int, Index) ANYPOOL_FLAT { return none; });
    return fetch([&](int r, Index i) ANYPOOL_FLAT {
      return some<M, float>(rows[r] + std::min(from + i, width),
                            std::clamp<Index>(width - from - i, 0, L::n));
    });
  };
  auto better = [](V a, V b) ANYPOOL_FLAT { return least ? I(a < b) : I(a > b); };
  auto along = [&]<int... t>(const V* before, const V* now, const V* after, V& value, I& place,
                             std::integer_sequence<int, t...>) ANYPOOL_FLAT {
    auto tap = [&]<int k>(std::integral_constant<int, k>) ANYPOOL_FLAT {
      constexpr int d = k - pad + stride * K, s = d % stride, off = d / stride - K;
      const V v = shifted<float, off>(before[s], now[s], after[s], lanes);
      if (k == 0) value = v, place = I{};
      else {
        const I wins = better(v, value);
        value = wins ? v : value, place = wins ? Lanes<std::int32_t>::fill(k) : place;
      }
    };
    (tap(std::integral_constant<int, t>{}), ...);
  };
  Streams before, now = any(0);
  for (auto& r : before.v)
    for (V& s : r) s = none;
  for (Index o = 0; o < windows; o += L::n) {
    if constexpr (!ahead)
      if (o) now = any(o * stride);
    const Streams after = ahead ? any((o + L::n) * stride) : now;
    V value[all];
    I place[all];
#pragma GCC unroll 8
    for (int r = 0; r < all; ++r)
      along(before.v[r], now.v[r], after.v[r], value[r], place[r], std::make_integer_sequence<int, K>{});
#pragma GCC unroll 2
    for (int p = 0; p < together; ++p) {
      V v = value[p * stride];
      I k = place[p * stride];
#pragma GCC unroll 8
      for (int r = 1; r < K; ++r) {
        const I wins = better(value[p * stride + r], v);
        v = wins ? value[p * stride + r] : v, k = wins ? place[p * stride + r] + std::int32_t(r) * unit : k;
      }
      const Index count = std::min(L::n, windows - o);
      if (lacks) {
      } else if (count == L::n) doubt |= I(v == none);
      else doubt |= I(v == none) & (Lanes<std::int32_t>::fill(std::int32_t(count)) > ramp(lanes));
      if (values) L::store(values[p] + o, v, count);
      Lanes<std::int32_t>::store(at[p] + o, k, count);
    }
    before = now, now = after;
  }
  std::int32_t doubted = 0;
  for (Index i = 0; i < L::n; ++i) doubted |= doubt[i];
  return !doubted;
}

// A job's selections, where its last two levels are small squares side by side in memory.
struct Chosen {
  using Rows = bool (*)(const float* const*, float* const*, std::int32_t* const*, Index, Index, std::int32_t,
                        bool);
  const anypool_job& job;
  const anypool_level *a = nullptr, *b = nullptr;
  Rows rows = nullptr;
  Index together = 1;
  const bool lacks;  // whether elements may be absent
  Array<float> none, unread;
  Array<float> present[8];  // rows with an infinity in place of absent elements
  Array<Index> held = Array<Index>(8, -1);
  Array<std::int32_t> found[2], first;  // row · unit + column, and what each lane's is counted from

  explicit Chosen(const anypool_job& j) : job(j), lacks(j.w || j.omit) {
    const Index l = job.levels - 2;
    if (job.lift != PLACE || l < 0 || job.inner != 1 || job.x_type != F32 || job.last ||
        (job.w && job.w_type != U8) || job.runs || !job.place || Lanes<float>::n < 4)
      return;
    a = job.level + l, b = a + 1;
    for (const anypool_level* i = job.level; i < a; ++i)
      if (i->windows) return;
    for (const anypool_level* i : {a, b}) {
      if (!i->windows || !i->affine || i->step != 1 || i->source || i->size >= 46340) return;
      for (Index o = 0; o < i->windows; ++o)
        if (!i->length[o]) return;
    }
    if (b->x_stride != 1 || (job.w && b->w_stride != 1)) return;
    switch (square_of(*a, *b)) {
      case square_of(2, 2, 1): of<2, 2>(); break;
      case square_of(3, 2, 1): of<3, 2>(); break;
      case square_of(3, 1, 1): of<3, 1>(); break;
      case square_of(5, 1, 1): of<5, 1>(); break;
      default: break;
    }
    if (!rows) return;
    none.assign(b->size, job.min ? most<float> : least<float>), unread.resize(2 * b->windows);
    for (auto& row : found) row.resize(b->windows);
    for (auto& row : present) row.resize(lacks ? b->size : 0);
    for (Index o = 0; o < b->windows; ++o)
      first.push_back(std::int32_t(job.place_type == I64 ? -b->start - o * b->stride
                                                         : b->first[o] - b->start - o * b->stride));
  }

  template <int K, int stride>
  void of() {
    constexpr int both = stride == 1 ? 2 : 1;
    together = both;
    if constexpr ((K - 1) / stride <= Lanes<float>::n)
      if (b->start == 0)
        rows = job.min ? chosen_rows<K, stride, 0, both, true> : chosen_rows<K, stride, 0, both, false>;
    if constexpr (K > 2)
      if (b->start == -(K / 2))
        rows =
            job.min ? chosen_rows<K, stride, K / 2, both, true> : chosen_rows<K, stride, K / 2, both, false>;
  }

  // Windows [from, to) of `items` items, whose answers begin at `offset`; false: the tile is to be staged.
  bool tile(Index item, Index items, Index from, Index to, Index offset) {
    for (Index i = item; i < item + items; ++i) {
      Index rest = i, at = 0, w_at = 0;
      for (const anypool_level* l = a - 1; l >= job.level; --l) {
        at += rest % l->size * l->x_stride, w_at += rest % l->size * l->w_stride;
        rest /= l->size;
      }
      const float* x = static_cast<const float*>(job.x) + at;
      const auto* w = job.w ? static_cast<const std::uint8_t*>(job.w) + w_at : nullptr;
      std::fill(held.begin(), held.end(), Index(-1));
      for (Index o = from; o < to; o += together) {
        if (!some_rows(x, w, o, to, offset)) return false;
        offset += std::min(together, to - o) * b->windows;
      }
    }
    return true;
  }

  // Rows with `nothing` in place of absent elements; whether a present one is that number.
  bool masked_row(const float* x, const std::uint8_t* w, float nothing, float* row) const {
    return filled_row(x, nothing, row, [&](Index i, auto v, auto whole) ANYPOOL_FLAT {
      const auto has = nonzero<float>(w + i, whole);
      return job.omit ? has & (v == v) : has;
    });
  }
  bool numbers_of_row(const float* x, float nothing, float* row) const {
    return filled_row(x, nothing, row, [](Index, auto v, auto) ANYPOOL_FLAT { return v == v; });
  }
  template <class Present>
  bool filled_row(const float* x, float nothing, float* row, Present present) const {
    using L = Lanes<float>;
    const auto none = L::fill(nothing);
    decltype(none == none) infinite{};
    each<float>(b->size, [&](Index i, auto whole) ANYPOOL_FLAT {
      const auto v = get(x + i, whole);
      const auto has = present(i, v, whole);
      infinite |= has & (v == none);
      put(row + i, has ? v : none, whole);
    });
    return any(infinite);
  }

  // Row r of x, with an infinity in place of absent elements; null where a present one is that infinity.
  const float* present_row(const float* x, const std::uint8_t* w, Index r) {
    float* row = present[r % 8].data();
    if (held[r % 8] == r) return row;
    x += r * a->x_stride, w += w ? r * a->w_stride : 0;
    const float nothing = none[0];
    const bool infinite = w ? masked_row(x, w, nothing, row) : numbers_of_row(x, nothing, row);
    held[r % 8] = infinite ? -1 : r;
    return infinite ? nullptr : row;
  }

  bool some_rows(const float* x, const std::uint8_t* w, Index o, Index to, Index offset) {
    const float* row[8];
    const Index begin = a->start + o * a->stride, all = a->places + (together - 1) * a->stride;
    for (Index t = 0; t < all; ++t) {
      const bool inside = begin + t >= 0 && begin + t < a->size;
      row[t] = !inside ? none.data() : lacks ? present_row(x, w, begin + t) : x + (begin + t) * a->x_stride;
      if (!row[t]) return false;
    }
    const bool both = together == 2 && o + 1 < to;
    float* y = job.y ? static_cast<float*>(job.y) + offset : unread.data();
    float* const values[2] = {y, both ? y + b->windows : unread.data() + b->windows};
    std::int32_t* const at[2] = {found[0].data(), found[1].data()};
    ask<0>(row[all - 1], 8192, together * a->stride * b->size * Index(sizeof(float)));
    const Index unit = job.place_type == I64 ? b->size : b->places;
    if (!rows(row, job.y || lacks ? values : nullptr, at, b->size, b->windows, std::int32_t(unit), lacks))
      return false;
    for (Index p = 0; p <= both; ++p) {
      const Index start = begin + p * a->stride,
                  base = job.place_type == I64 ? -start * unit : (a->first[o + p] - start) * unit;
      const std::int32_t* k = found[p].data();
      if (job.place_type == U8)
        told(static_cast<std::uint8_t*>(job.place) + offset + p * b->windows, k, std::int32_t(base));
      else if (job.place_type == I64)
        told(static_cast<std::int64_t*>(job.place) + offset + p * b->windows, k, std::int32_t(base));
      else told(static_cast<std::int32_t*>(job.place) + offset + p * b->windows, k, std::int32_t(base));
      if (lacks) empty_windows(values[p], offset + p * b->windows);
    }
    return true;
  }

  template <class P>
  void told(P* place, const std::int32_t* k, std::int32_t base) const {
    const std::int32_t* f = first.data();
    for (Index i = 0; i < b->windows; ++i) place[i] = P(k[i] - f[i] - base);
  }

  void empty_windows(float* value, Index offset) const {
    std::int32_t some = 0;
    for (Index i = 0; i < b->windows; ++i) some |= std::int32_t(value[i] == none[0]);
    for (Index i = 0; some && i < b->windows; ++i)
      if (value[i] == none[0]) blank(job, offset + i, 1), value[i] = float(job.empty);
  }
};
}  // namespace anypool::ANYPOOL_ISA
