// Small windows that lack elements, without staging: what is absent counts as infinity, and the count picks
// the rank.
#pragma once
#include <limits>

#include "ranks/direct.hpp"

namespace anypool::ANYPOOL_ISA {
// Lanes of x, in which a NaN is what is absent.
template <class S>
struct SparseReader {
  using L = Lanes<S>;
  using I = std::conditional_t<sizeof(S) == 4, std::int32_t, std::int64_t>;
  const S* const* row;
  Index i, unit;
  ANYPOOL_INLINE typename Lanes<I>::V has(int r, Index shift) const {
    const auto v = L::load(row[r] + i + shift * unit);
    return v == v;
  }
  template <int>
  ANYPOOL_INLINE auto at(int r, Index shift) const {
    const auto v = L::load(row[r] + i + shift * unit);
    return v == v ? v : L::fill(std::numeric_limits<S>::infinity());
  }
};

template <class S, class N>
struct Sparse {
  using L = Lanes<S>;
  using I = typename SparseReader<S>::I;
  using M = typename Lanes<I>::V;
  const anypool_orders& job;
  const anypool_span &rows = job.span[1], &columns = job.span[2];
  static constexpr int tile = N::tile;
  Index lanes = columns.windows * job.inner;
  bool nan = border<S>(job) != border<S>(job);  // a NaN that is not masked
  const Stretch middle{columns};
  const Index wide = lanes + (N::columns - 1) * job.inner;
  const bool laid = job.mask || rows.source || columns.source || job.span[0].source;
  Scratch<S> held{};

  bool spoiled() const { return nan; }
  void prepare() {
    if (laid) held.resize(N::rows * wide);
  }
  // The count from which each of the ranks is wanted: they only rise with it.
  static bool thresholds(const anypool_orders& job, const std::int32_t* at, Index (&from)[N::ranks]) {
    for (Index k = 0; k < N::ranks; ++k) from[k] = job.full + 1;
    for (Index c = job.full; c >= job.least; --c) {
      if (c < job.full && at[c] > at[c + 1]) return false;
      for (Index k = 0; k <= at[c]; ++k) from[k] = c;
    }
    return true;
  }
  bool serves() const {
    Index from[N::ranks];
    const bool near = columns.x_stride == job.inner && columns.y_stride == job.inner && lanes >= L::n &&
                      rows.windows >= tile;
    return near && job.own && job.y_type == job.type &&
           (job.terms == 1 || (job.terms == 2 && job.blend == 1)) && thresholds(job, job.low, from) &&
           thresholds(job, job.high, from);
  }

  // A row of x, or of the border's constant, with NaN where the mask is 0.
  void lay(Index item, Index plane, Index row, S* to) {
    const auto& planes = job.span[0];
    const Index z = planes.source ? planes.source[plane] : plane, y = rows.source ? rows.source[row] : row;
    if (z < 0 || y < 0) return void(std::fill_n(to, wide, border<S>(job)));
    const Index at = job.batch_x[item] + z * planes.x_stride + y * rows.x_stride, n = wide / job.inner;
    const S* x = static_cast<const S*>(job.x) + at;
    const std::uint8_t* mask = job.mask ? job.mask + at : nullptr;
    int found = 0;
    const auto run = [&](Index from, Index many, Index real) {  // elements that lie next to each other
      for (Index i = 0; i < many * job.inner; ++i) {
        const S v = x[real * job.inner + i];
        const bool has = !mask || mask[real * job.inner + i];
        found |= has & (v != v);
        to[from * job.inner + i] = has ? v : std::numeric_limits<S>::quiet_NaN();
      }
    };
    const auto side = [&](Index from, Index end) {
      for (Index i = from; i < end; ++i)
        if (const Index real = columns.source[columns.start + i]; real < 0)
          std::fill_n(to + i * job.inner, job.inner, border<S>(job));
        else run(i, 1, real);
    };
    const Index lo = std::clamp<Index>(middle.from - columns.start, 0, n),
                hi = std::clamp<Index>(middle.to - columns.start, lo, n);
    side(0, lo), side(hi, n);
    run(lo, hi - lo, columns.start + lo - middle.shift);
    nan |= found != 0;
  }

  // Rows [begin, end) of the windows of one batch item and plane.
  void band(Index item, Index plane, Index begin, Index end) {
    Index low[N::ranks], high[N::ranks];
    thresholds(job, job.low, low), thresholds(job, job.high, high);
    const Index at = job.batch_x[item] +
                     (job.span[0].start + plane * job.span[0].stride) * job.span[0].x_stride +
                     columns.start * columns.x_stride;
    S* y = static_cast<S*>(job.y) + job.batch_y[item] + plane * job.span[0].y_stride;
    const S* row[N::rows];
    Index have = -1;  // rows before this one are laid out
    for (Index o = begin; o < end; o += tile) {
      const Index top = std::min(o, rows.windows - tile);
      for (Index r = top; r < top + N::rows; ++r) {
        S* to = held.data() + r % N::rows * wide;
        if (laid && r >= have) lay(item, job.span[0].start + plane * job.span[0].stride, rows.start + r, to);
        row[r - top] = laid ? to : static_cast<const S*>(job.x) + at + (rows.start + r) * rows.x_stride;
      }
      have = top + N::rows;
      for (Index i = 0;;) {
        const SparseReader<S> reader{row, i, job.inner};
        typename L::V found[tile * N::ranks];
        N::run(reader, found);
        M count[N::rows];
#pragma GCC unroll 8
        for (int r = 0; r < N::rows; ++r) {
          count[r] = M{};
#pragma GCC unroll 8
          for (int c = 0; c < N::columns; ++c) count[r] -= reader.has(r, c);
        }
        for (int t = 0; t < tile; ++t) {
          M held{};
#pragma GCC unroll 8
          for (int r = 0; r <= N::rows - tile; ++r) held += count[t + r];
          auto v = chosen(found + t, held, low);
          if (job.terms == 2) {
            const auto w = chosen(found + t, held, high);
            v = v == w ? v : (v + w) * S(0.5);
          }
          v = held < I(job.least) ? L::fill(S(job.empty)) : v;
          L::store(y + (top + t) * rows.y_stride + i, v);
        }
        if (i + L::n >= lanes) break;
        i = std::min(i + L::n, lanes - L::n);
      }
    }
  }
  static ANYPOOL_INLINE auto chosen(const typename L::V* found, M held, const Index (&from)[N::ranks]) {
    auto v = found[0];
    for (int k = 1; k < N::ranks; ++k) v = held >= I(from[k]) ? found[k * tile] : v;
    return v;
  }
};
}  // namespace anypool::ANYPOOL_ISA
