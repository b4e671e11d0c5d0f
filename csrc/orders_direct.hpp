// Small windows without staging: a network reads its vectors from x itself and writes whole vectors of answers.
#pragma once
#include <algorithm>
#include <type_traits>

#include "orders.hpp"
#include "orders_words.hpp"

namespace anypool::ANYPOOL_ISA {
// Every third lane of three vectors, from the one numbered `phase`.
template <class S, int phase, int... k>
ANYPOOL_INLINE auto every_third(typename Lanes<S>::V a, typename Lanes<S>::V b, typename Lanes<S>::V c, std::integer_sequence<int, k...>) {
  constexpr int n = Lanes<S>::n;
  const auto two = __builtin_shufflevector(a, b, (3 * k + phase < 2 * n ? 3 * k + phase : 0)...);
  return __builtin_shufflevector(two, c, (3 * k + phase < 2 * n ? k : n + 3 * k + phase - 2 * n)...);
}

// Lane i of phase c of row r is element i*phases + c.
template <class S, int phases>
struct Reader {
  const S* const* row;
  Index i, unit;
  template <int phase>
  ANYPOOL_INLINE auto at(int r, Index shift) const {
    using L = Lanes<S>;
    const S* p = row[r] + (i + shift * (phases == 1 ? unit : 1)) * phases;
    if constexpr (phases == 1) return L::load(p);
    else if constexpr (phases == 2) return every_other<S, phase>(L::load(p), L::load(p + L::n));
    else return every_third<S, phase>(L::load(p), L::load(p + L::n), L::load(p + 2 * L::n), std::make_integer_sequence<int, int(L::n)>{});
  }
};

// The largest magnitude's bits so far: a NaN's lie above infinity's.
template <class S>
struct Watch {
  using I = std::conditional_t<sizeof(S) == 4, std::int32_t, std::int64_t>;
  static constexpr I sign = std::numeric_limits<I>::max(), infinity = sizeof(S) == 4 ? I(0x7f800000) : I(0x7ff0000000000000);
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
  static constexpr int blocks = N::tile == 2 ? 2 : 1, tile = N::tile * blocks, all = N::rows + N::tile * (blocks - 1);
  Index lanes = columns.windows * job.inner;
  Watch<std::conditional_t<floats, S, float>> watch{};

  bool ready() const { return true; }
  bool spoiled() const { return floats && watch.nan(); }
  bool serves() const {
    const bool near = columns.x_stride == job.inner && columns.y_stride == job.inner && (N::phases == 1 || job.inner == 1);
    const bool inside = !columns.source && !rows.source && !planes.source && columns.size >= columns.stride;
    return near && inside && !job.terms && lanes >= Lanes<S>::n && rows.windows >= tile && job.y_type == job.type && (job.blend != 0) == (N::ranks == 2) && (floats || N::ranks == 1);
  }

  // Rows [begin, end) of the windows of one batch item and plane.
  void band(Index item, Index plane, Index begin, Index end) {
    using L = Lanes<S>;
    constexpr Index n = L::n;
    const S* x = static_cast<const S*>(job.x) + job.batch_x[item] + (planes.start + plane * planes.stride) * planes.x_stride + columns.start * columns.x_stride;
    S* y = static_cast<S*>(job.y) + job.batch_y[item] + plane * planes.y_stride;
    const Index old = std::max<Index>(0, all - tile * rows.stride * planes.size);
    const Index beyond = std::max<Index>(0, columns.size - columns.stride) * job.inner;
    for (Index o = begin; o < end; o += tile) {
      const Index top = std::min(o, rows.windows - tile);
      const S* row[all];
      S* to[tile];
      for (Index r = 0; r < all; ++r) row[r] = x + (rows.start + top * rows.stride + r / planes.size) * rows.x_stride + r % planes.size * planes.x_stride;
      for (Index t = 0; t < tile; ++t) to[t] = y + (top + t) * rows.y_stride;
      if constexpr (floats) {
        if (o == begin || top != o)
          for (Index r = 0; r < old; ++r) watch.see(row[r], lanes * N::phases + beyond);
        for (Index r = old; r < all; ++r) watch.see(row[r] + lanes * N::phases, beyond);
      }
      for (Index i = 0;;) {
        typename L::V found[blocks][N::tile * N::ranks];
        for (int b = 0; b < blocks; ++b) N::run(Reader<S, N::phases>{row + b * N::tile, i, job.inner}, found[b]);
        if constexpr (floats) see_new(Reader<S, N::phases>{row, i, job.inner}, std::make_integer_sequence<int, all>{}, old);
        for (int t = 0; t < tile; ++t) {
          auto v = found[t / N::tile][t % N::tile];
          if constexpr (N::ranks == 2 && floats) {
            const auto w = found[t / N::tile][N::tile + t % N::tile];
            const auto blended = job.blend == 1 ? (v + w) * S(0.5) : job.share < 0.5 ? v + (w - v) * S(job.share) : w - (w - v) * S(1 - job.share);
            v = v == w ? v : blended;
          }
          L::store(to[t] + i, v);
        }
        if (i + n >= lanes) break;
        i = std::min(i + n, lanes - n);
      }
    }
  }
  template <int... r>
  ANYPOOL_INLINE void see_new(const Reader<S, N::phases>& reader, std::integer_sequence<int, r...>, Index old) {
    ((r >= old ? see_row(reader, r, std::make_integer_sequence<int, N::phases>{}) : void()), ...);
  }
  template <int... c>
  ANYPOOL_INLINE void see_row(const Reader<S, N::phases>& reader, int r, std::integer_sequence<int, c...>) {
    (watch.see(reader.template at<c>(r, 0)), ...);
  }
};
}  // namespace anypool::ANYPOOL_ISA
