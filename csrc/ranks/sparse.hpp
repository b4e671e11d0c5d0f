// Small windows that lack elements, without staging: what is absent sorts last, and a window's count of
// elements picks one of the ranks that a network gives, or two.
#pragma once
#include "ranks/answers.hpp"
#include "ranks/direct.hpp"
#include "ranks/present.hpp"

namespace anypool::ANYPOOL_ISA {
// The last value of a type: an absent element among floats that are compared as they are.
template <class S>
constexpr S behind_all() {
  if constexpr (std::is_floating_point_v<S>) return std::numeric_limits<S>::infinity();
  else return std::numeric_limits<S>::max();
}

template <class S, class N>
struct Sparse {
  using L = Lanes<S>;
  using I = decltype(typename L::V{} == typename L::V{});  // counts, as wide as elements
  using Count = std::remove_reference_t<decltype(I{}[0])>;
  static constexpr int tile = N::tile;
  const anypool_orders& job;
  const anypool_span &planes = job.span[0], &rows = job.span[1], &columns = job.span[2];
  const Index lanes = columns.windows * job.inner;  // answers of a row
  const Index elements = (columns.windows - 1) * columns.stride + columns.size;
  const Index pitch = elements * job.inner + N::phases * L::n;  // the last vectors may read a little more
  const bool direct = std::is_floating_point_v<S> && job.blend == 1;  // medians, as they are written
  PresentRows<S> present{job, behind_all<S>()};
  Scratch<S> ring{};
  using K = std::conditional_t<std::is_same_v<S, float>, Bare, Keys<S>>;
  using Key = typename K::Lane;
  const OrderAnswers<S, K> answers{job};
  Scratch<Key> low{}, high{};           // of each window
  Scratch<std::uint8_t> has{}, held{};  // of each row of the ring; of each row of windows
  bool undefined = false;

  // The count from which each of the ranks is wanted: they only rise with it.
  struct Thresholds {
    Index from[N::ranks], least;  // of elements: fewer have no answer
    bool rise = true;
    Thresholds(const anypool_orders& job, const std::int32_t* at) : least(job.full + 1) {
      for (Index k = 0; k < N::ranks; ++k) from[k] = job.full + 1;
      for (Index c = job.full; c >= 0 && at[c] >= 0; --c) {
        rise &= c == job.full || at[c] <= at[c + 1];
        for (Index k = 0; k <= at[c]; ++k) from[k] = c;
        least = c;
      }
      for (Index c = 0; c < least; ++c) rise &= at[c] < 0;
    }
  };

  int outcome() const { return undefined ? UNDEFINED : present.nan ? DECLINED : DONE; }
  void prepare() {
    ring.resize(N::rows * pitch), has.resize(N::rows * pitch),
        held.resize(tile * pitch + Lanes<std::uint8_t>::n);
    if (!direct) low.resize(tile * lanes), high.resize(tile * lanes);
  }
  bool serves() const {
    return columns.y_stride == job.inner && (N::phases == 1 || job.inner == 1) && lanes >= L::n &&
           rows.windows >= tile && lacks(job) && job.terms < 3 && job.ranks == N::ranks &&
           Thresholds(job, job.low).rise && Thresholds(job, job.high).rise;
  }
  const S* row_of(Index item, Index plane, Index number) const {
    const Index z = planes.start + plane * planes.stride + number % planes.size * planes.step;
    const Index row = rows.start + number / planes.size;
    const Index at = planes.source ? planes.source[z] : z, y = rows.source ? rows.source[row] : row;
    if (at < 0 || y < 0) return nullptr;
    return static_cast<const S*>(job.x) + job.batch_x[item] + at * planes.x_stride + y * rows.x_stride;
  }

  // Rows [begin, end) of the windows of one batch item and plane.
  void band(Index item, Index plane, Index begin, Index end) {
    const Thresholds lower(job, job.low), upper(job, job.high);
    const Index step = rows.stride * planes.size, each_window = rows.size * planes.size;
    Index have = -1;  // rows before this one are laid out
    for (Index o = begin; o < end; o += tile) {
      const Index top = std::min(o, rows.windows - tile) * step;
      const S* row[N::rows];
      for (Index r = top; r < top + N::rows; ++r) {
        const Index slot = r % N::rows * pitch;
        row[r - top] = ring.data() + slot;
        if (r >= have)
          present.lay(row_of(item, plane, r), columns.start, elements, job.inner, ring.data() + slot,
                      has.data() + slot);
      }
      have = top + N::rows;
      for (Index t = 0; t < tile; ++t) {
        std::uint8_t* const total = held.data() + t * pitch;
        const Index first = top + t * step;
        std::copy_n(has.data() + first % N::rows * pitch, elements * job.inner, total);
        for (Index r = first + 1; r < first + each_window; ++r)
          present.add(has.data() + r % N::rows * pitch, elements * job.inner, total);
        present.count(total, columns.windows, job.inner);
      }
      const Index y = job.batch_y[item] + plane * planes.y_stride + top / step * rows.y_stride;
      if constexpr (std::is_floating_point_v<S>)
        if (direct) {
          along<true>(row, lower, upper, y);
          continue;
        }
      along<false>(row, lower, upper, y);
    }
  }

 private:
  // A tile of rows of answers at place y of the result: means of two ranks, or by the general formulas.
  template <bool means>
  void along(const S* const* row, const Thresholds& lower, const Thresholds& upper, Index y) {
    const auto none = L::fill(answer_of_none());
    S* to[tile];
    for (int t = 0; t < tile; ++t) to[t] = static_cast<S*>(job.y) + y + t * rows.y_stride;
    if (means && lanes < 2048)
      for (int t = 0; t < tile; ++t) ask<1>(to[t], 4096, lanes * Index(sizeof(S)));
    I gone{};
    for (Index i = 0;;) {
      typename L::V found[tile * N::ranks];
      N::run(Reader<S, N::phases, false>{row, i, job.inner, lanes}, found);
      for (int t = 0; t < tile; ++t) {
        const I count = counts(held.data() + t * pitch + i);
        auto v = chosen(found + t, count, lower.from);
        const auto w = chosen(found + t, count, upper.from);
        if constexpr (means) {
          v = v == w ? v : (v + w) * S(0.5);
          const I missing = count < Count(lower.least);
          gone |= missing;
          L::store(to[t] + i, missing ? none : v);
        } else
          Lanes<Key>::store(low.data() + t * lanes + i, key(v)),
              Lanes<Key>::store(high.data() + t * lanes + i, key(w));
      }
      if (i + L::n >= lanes) break;
      i = std::min(i + L::n, lanes - L::n);
    }
    if constexpr (means) undefined |= !job.has_empty && any(gone);
    else
      for (int t = 0; t < tile; ++t) {
        const Key* pair[2] = {low.data() + t * lanes, high.data() + t * lanes};
        const auto give = [&](auto* to) {
          undefined |=
              answers.give(pair, lanes, 1, to + y + t * rows.y_stride, held.data() + t * pitch, true);
        };
        if (job.y_type == job.type) give(static_cast<S*>(job.y));
        else give(static_cast<double*>(job.y));
      }
  }
  static ANYPOOL_INLINE auto key(typename L::V v) {
    if constexpr (std::is_same_v<S, Key>) return v;
    else return (typename Lanes<Key>::V)v ^ K::top;
  }
  S answer_of_none() const {
    S value;
    std::memcpy(&value, &job.empty, sizeof(S));
    return value;
  }
  static ANYPOOL_INLINE I counts(const std::uint8_t* held) {
    typedef std::uint8_t Bytes __attribute__((vector_size(L::n)));
    Bytes bytes;
    std::memcpy(&bytes, held, L::n);
    if constexpr (sizeof(S) == 1) return (I)bytes;
    else return __builtin_convertvector(bytes, I);
  }
  static ANYPOOL_INLINE auto chosen(const typename L::V* found, I count, const Index (&from)[N::ranks]) {
    auto v = found[0];
#pragma GCC unroll 16
    for (int k = 1; k < N::ranks; ++k) v = count >= Count(from[k]) ? found[k * tile] : v;
    return v;
  }
};
}  // namespace anypool::ANYPOOL_ISA
