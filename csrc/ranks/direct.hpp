// Small windows without staging: a network reads its vectors from x itself and writes whole vectors of
// answers.
#pragma once
#include <algorithm>
#include <type_traits>

#include "ranks/ends.hpp"
#include "ranks/words.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// Every third lane of three vectors, from the one numbered `phase`.
template <class S, int phase, int... k>
ANYPOOL_INLINE auto every_third(typename Lanes<S>::V a, typename Lanes<S>::V b, typename Lanes<S>::V c,
                                std::integer_sequence<int, k...>) {
  constexpr int n = Lanes<S>::n;
  const auto two = __builtin_shufflevector(a, b, (3 * k + phase < 2 * n ? 3 * k + phase : 0)...);
  return __builtin_shufflevector(two, c, (3 * k + phase < 2 * n ? k : n + 3 * k + phase - 2 * n)...);
}

// Lane i of phase c of row r is element i*phases + c. Of less than a vector, no element beyond the last
// window's is read.
template <class S, int phases, bool part>
struct Reader {
  using L = Lanes<S>;
  const S* const* row;
  Index i, unit, lanes;
  template <int k>
  ANYPOOL_INLINE auto load(const S* p) const {
    if constexpr (part) return L::load(p + k * L::n, lanes * phases - k * L::n);
    else return L::load(p + k * L::n);
  }
  template <int phase>
  ANYPOOL_INLINE auto at(int r, Index shift) const {
    const S* p = row[r] + (i + shift * (phases == 1 ? unit : 1)) * phases;
    if constexpr (phases == 1) return load<0>(p);
    else if constexpr (phases == 2) return every_other<S, phase>(load<0>(p), load<1>(p));
    else
      return every_third<S, phase>(load<0>(p), load<1>(p), load<2>(p),
                                   std::make_integer_sequence<int, int(L::n)>{});
  }
};

// The largest magnitude's bits so far: a NaN's lie above infinity's.
template <class S>
struct Watch {
  using I = std::conditional_t<sizeof(S) == 4, std::int32_t, std::int64_t>;
  static constexpr I sign = std::numeric_limits<I>::max(),
                     infinity = sizeof(S) == 4 ? I(0x7f800000) : I(0x7ff0000000000000);
  typename Lanes<I>::V most{};
  bool found = false;
  ANYPOOL_INLINE void see(typename Lanes<S>::V v) {
    const auto size = (typename Lanes<I>::V)v & (typename Lanes<I>::V{} + sign);
    most = size > most ? size : most;
  }
  void see(const S* x, Index n) {
    for (Index i = 0; i < n; ++i) found |= x[i] != x[i];
  }
  bool nan() const {
    bool any = found;
    for (int k = 0; k < Lanes<I>::n; ++k) any |= most[k] > infinity;
    return any;
  }
};

template <class S, class N>
struct Direct {
  const anypool_orders& job;
  const anypool_span &planes = job.span[0], &rows = job.span[1], &columns = job.span[2];
  static constexpr bool floats = std::is_floating_point_v<S>;
  // tiles of two rows come in pairs (their row stride is 1): four rows of answers from six of x
  static constexpr int blocks = N::tile == 2 ? 2 : 1, tile = N::tile * blocks,
                       all = N::rows + N::tile * (blocks - 1);
  static constexpr Index n = Lanes<S>::n;
  const Ends<S> ends{job};
  const Index middle = (ends.middle.high - ends.middle.low) * job.inner, edge = ends.windows * job.inner;
  const Index beyond = std::max<Index>(0, columns.size - columns.stride) * job.inner;
  const Index edge_room = (edge + n) * N::phases + beyond + n, edge_answers = edge + n;
  // The border's constant as a row; for each row of windows its ends, and their answers.
  const bool bordered = rows.source || planes.source || ends.windows;
  Scratch<S> nothing{}, sides{}, answers{};
  Watch<std::conditional_t<floats, S, float>> watch{};

  void prepare() {
    if (!bordered) return;
    nothing.assign(middle * N::phases + beyond + n,
                   border<S>(job));  // the last vector may read a little more
    sides.resize(all * edge_room), answers.resize(tile * edge_answers);
  }
  int outcome() const { return floats && watch.nan() ? DECLINED : DONE; }
  bool serves() const {
    const bool near =
        columns.x_stride == job.inner && columns.y_stride == job.inner && (N::phases == 1 || job.inner == 1);
    const bool wide = middle >= (ANYPOOL_MASKED ? 4 : n) && columns.size >= columns.stride;
    return near && wide && !job.terms && rows.windows >= tile && job.y_type == job.type &&
           (job.blend != 0) == (N::ranks == 2) && (floats || N::ranks == 1);
  }
  // A row of x where an imagined one lies, null for the border's constant.
  const S* row_of(const S* x, Index plane, Index row) const {
    const Index z = planes.source ? planes.source[plane] : plane, y = rows.source ? rows.source[row] : row;
    return z < 0 || y < 0 ? nullptr : x + z * planes.x_stride + y * rows.x_stride;
  }

  // Rows [begin, end) of the windows of one batch item and plane.
  void band(Index item, Index plane, Index begin, Index end) {
    const S* x = static_cast<const S*>(job.x) + job.batch_x[item];
    S* y = static_cast<S*>(job.y) + job.batch_y[item] + plane * planes.y_stride;
    const Index old = std::max<Index>(0, all - tile * rows.stride * planes.size);
    const Index skip =
        (columns.start - ends.middle.shift + ends.middle.low * columns.stride) * columns.x_stride;
    for (Index o = begin; o < end; o += tile) {
      const Index top = std::min(o, rows.windows - tile);
      const S* row[all];
      S* to[tile];
      for (Index r = 0; r < all; ++r) {
        const S* whole = row_of(x, planes.start + plane * planes.stride + r % planes.size,
                                rows.start + top * rows.stride + r / planes.size);
        row[r] = whole ? whole + skip : nothing.data();
        if (edge) ends.copy(whole, sides.data() + r * edge_room);
      }
      for (Index t = 0; t < tile; ++t) to[t] = y + (top + t) * rows.y_stride + ends.middle.low * job.inner;
      if (middle <
          2048)  // short rows, which the hardware does not foresee: 16x64x112x112 2x2/2 2.8 -> 1.1 ms
        for (Index r = old; r < all; ++r) ask<0>(row[r], 8192, middle * N::phases * Index(sizeof(S)));
      for (Index t = 0; t < tile && middle < 2048; ++t) ask<1>(to[t], 4096, middle * Index(sizeof(S)));
      if constexpr (floats) {
        if (o == begin || top != o)
          for (Index r = 0; r < old; ++r) watch.see(row[r], middle * N::phases + beyond);
        for (Index r = old; r < all; ++r) watch.see(row[r] + middle * N::phases, beyond);
        if (edge) watch.see(sides.data(), all * edge_room);
      }
      Index lanes = middle;
      for (bool aside = false;;
           aside = true) {  // then the windows that see the border, as an image of their own
        bool done = false;
        if constexpr (ANYPOOL_MASKED)  // elsewhere no row shorter than a vector is served
          if (lanes < n) along<true>(row, to, lanes, old), done = true;
        if (!done) along<false>(row, to, lanes, old);
        if (aside || !edge) break;
        for (Index r = 0; r < all; ++r) row[r] = sides.data() + r * edge_room;
        for (Index t = 0; t < tile; ++t) to[t] = answers.data() + t * edge_answers;
        lanes = std::max(edge, n);
      }
      if (edge) put_sides(y + top * rows.y_stride);
    }
  }
  void put_sides(S* y) const {
    const Index first = ends.left * job.inner, last = ends.right * job.inner;
    for (Index t = 0; t < tile; ++t, y += rows.y_stride) {
      const S* from = answers.data() + t * edge_answers;
      std::copy_n(from, first, y);
      std::copy_n(from + edge - last, last, y + ends.middle.high * job.inner);
    }
  }
  template <bool part>
  ANYPOOL_INLINE void along(const S* const* row, S* const* to, Index lanes, Index old) {
    for (Index i = 0;;) {
      typename Lanes<S>::V found[blocks][N::tile * N::ranks];
      for (int b = 0; b < blocks; ++b)
        N::run(Reader<S, N::phases, part>{row + b * N::tile, i, job.inner, lanes}, found[b]);
      if constexpr (floats)
        see_new(Reader<S, N::phases, part>{row, i, job.inner, lanes}, std::make_integer_sequence<int, all>{},
                old);
      for (int t = 0; t < tile; ++t) {
        auto v = found[t / N::tile][t % N::tile];
        if constexpr (N::ranks == 2 && floats) {
          const auto w = found[t / N::tile][N::tile + t % N::tile];
          const auto blended = job.blend == 1    ? (v + w) * S(0.5)
                               : job.share < 0.5 ? v + (w - v) * S(job.share)
                                                 : w - (w - v) * S(1 - job.share);
          v = v == w ? v : blended;
        }
        if constexpr (part) Lanes<S>::store(to[t], v, lanes);
        else Lanes<S>::store(to[t] + i, v);
      }
      if (i + n >= lanes) break;
      i = std::min(i + n, lanes - n);
    }
  }
  template <class X, int... r>
  ANYPOOL_INLINE void see_new(const X& reader, std::integer_sequence<int, r...>, Index old) {
    ((r >= old ? see_row(reader, r, std::make_integer_sequence<int, N::phases>{}) : void()), ...);
  }
  template <class X, int... c>
  ANYPOOL_INLINE void see_row(const X& reader, int r, std::integer_sequence<int, c...>) {
    (watch.see(reader.template at<c>(r, 0)), ...);
  }
};
}  // namespace anypool::ANYPOOL_ISA
