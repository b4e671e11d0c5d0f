// Ranks of large windows in a plane, by histograms: bytes as they are; wider elements are sorted once a tile
// and counted by the high byte of their place in that order, and the window's elements of one bin, at most
// 256, are distinguished by their positions.
#include "ranks/histograms.hpp"

#include <cstring>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "ranks/answers.hpp"
#include "ranks/ends.hpp"
#include "ranks/footprint_histograms.hpp"
#include "ranks/radix.hpp"
#include "simd/element_types.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index
    STRIP = 256,
    SIDE = 256;  // columns of windows a task; rows and columns of elements a sorted tile holds at most

// Which of 64 positions lie in a window: rows [o, o + a), columns [c, c + b).
ANYPOOL_INLINE std::uint64_t inside(const std::uint8_t* row, const std::uint8_t* column, Index o, Index a,
                                    Index c, Index b) {
#if defined(__AVX512BW__)
  const auto in = [](const std::uint8_t* at, Index from, Index n, __mmask64 of) {
    const __m512i distance = _mm512_sub_epi8(_mm512_loadu_si512(at), _mm512_set1_epi8(char(from)));
    return _mm512_mask_cmple_epu8_mask(of, distance, _mm512_set1_epi8(char(n - 1)));
  };
  return in(column, c, b, in(row, o, a, ~__mmask64(0)));
#else
  typedef std::uint8_t V __attribute__((vector_size(32)));
  std::uint64_t found = 0;
  for (int half = 0; half < 2; ++half) {
    V r, k;
    std::memcpy(&r, row + 32 * half, 32), std::memcpy(&k, column + 32 * half, 32);
    const V yes = (V)((V)(r - std::uint8_t(o)) <= std::uint8_t(a - 1)) &
                  (V)((V)(k - std::uint8_t(c)) <= std::uint8_t(b - 1));
#if defined(__AVX2__)
    found |= std::uint64_t(std::uint32_t(_mm256_movemask_epi8((__m256i)yes))) << 32 * half;
#else
    for (int i = 0; i < 32; ++i) found |= std::uint64_t(yes[i] & 1) << (32 * half + i);
#endif
  }
  return found;
#endif
}
// The place of the n-th bit that is set.
ANYPOOL_INLINE int nth(std::uint64_t bits, Index n) {
#if defined(__BMI2__)
  return __builtin_ctzll(_pdep_u64(std::uint64_t(1) << n, bits));
#else
  for (; n > 0; --n) bits &= bits - 1;
  return __builtin_ctzll(bits);
#endif
}

template <class S>
struct Plane {
  using K = Keys<S>;
  using T = typename K::Lane;
  const anypool_orders& job;
  const anypool_span &rows = job.span[1], &columns = job.span[2];
  const S constant = border<S>(job);
  Histograms histograms;
  UnderFootprint footprint{job};
  Array<T> low, high;
  bool nan = false;
  Index item = 0, top = 0, left = 0, down = 0, across = 0;  // of the task: its first window, how many windows
  Range tall{}, wide{};  // of the positions under them, those that lie in x or its border

  explicit Plane(const anypool_orders& j) : job(j) {}

  static Range within(const anypool_span& s, Index first, Index windows) {
    const Index begin = s.start + first, end = begin + windows + s.size - 1;
    return {std::max<Index>(0, -begin), std::min(end, s.extent) - begin};
  }
  void begin(Index of, Index from, Index bottom, Index start, Index right) {
    item = of, top = from, left = start, down = bottom - from, across = right - start;
    tall = within(rows, top, down), wide = within(columns, left, across);
    room(low, across), room(high, across);
  }
  // The elements under the windows of the task.
  template <class Take>
  void read(Take take) {
    const S* x = static_cast<const S*>(job.x) + job.batch_x[item];
    for (Index r = tall.from; r < tall.to; ++r) {
      const Index from = rows.start + top + r, at = rows.source ? rows.source[from] : from;
      for (Index c = wide.from; c < wide.to; ++c) {
        const Index to = columns.start + left + c, real = columns.source ? columns.source[to] : to;
        take(r, c, at < 0 || real < 0 ? constant : x[at * rows.x_stride + real * columns.x_stride]);
      }
    }
  }
  // Each window of a plane of bytes, by the histograms of its columns or of its footprint.
  template <class Give, class End>
  void slide(const std::uint8_t* plane, Index pitch, Give give, End end) {
    if (job.runs) footprint.slide(plane, pitch, across, down, give, end);
    else histograms.slide(plane, pitch, tall, wide, rows.size, columns.size, down, across, give, end);
  }
  // How many elements a window holds, whose ranks may depend on that.
  ANYPOOL_INLINE Index held(Index o, Index c) const {
    return tall.inside(o, rows.size) * wide.inside(c, columns.size);
  }
  // find(rank, and the next one) for the window in row o and column c.
  template <class Find>
  ANYPOOL_INLINE void ranks(Index o, Index c, Find find) const {
    if (!job.terms) return find(job.outputs[0], job.ranks > 1);
    const Index n = held(o, c);
    find(job.low[n], job.high[n] > job.low[n]);
  }
  void give(Index o) {
    anypool_orders one = job;  // the ranks are chosen
    one.terms = 0;
    if (job.terms) one.ranks = 2;
    for (Index c = 0, end; c < across; c = end) {
      end = across;
      if (job.terms && job.blend > 1) {  // windows of one share
        one.share = job.shares[held(o, c)];
        for (end = c + 1; end < across && held(o, end) == held(o, c);) ++end;
      }
      const T* found[2] = {low.data() + c, high.data() + c};
      const auto write = [&](auto* y) {
        OrderAnswers<S, K>{one}.give(
            found, end - c, columns.y_stride,
            y + job.batch_y[item] + (top + o) * rows.y_stride + (left + c) * columns.y_stride);
      };
      if (job.y_type == job.type) write(static_cast<S*>(job.y));
      else write(static_cast<double*>(job.y));
    }
  }
};

template <class S>
struct Bytes : Plane<S> {
  Array<std::uint8_t> plane;
  using Plane<S>::Plane;

  static Index most_rows(const anypool_orders& job) {
    return std::max<Index>(4 * job.span[1].size,
                           job.span[1].windows * job.batches * job.span[2].windows / (64 * STRIP));
  }
  static Index most_columns(const anypool_orders&) { return STRIP; }
  void run() {
    const Index pitch = this->across + this->columns.size - 1;
    room(plane, (this->down + this->rows.size - 1) * pitch);
    this->read([&](Index r, Index c, S v) { plane[r * pitch + c] = Keys<S>::in(v); });
    const auto low = this->low.data(), high = this->high.data();
    this->slide(
        plane.data(), pitch,
        [this, low, high](Index o, Index c, auto& window) {
          this->ranks(o, c, [&](Index rank, bool both) ANYPOOL_FLAT {
            low[c] = std::uint8_t(window.find(rank).bin);
            high[c] = both ? std::uint8_t(window.find(rank + 1).bin) : low[c];
          });
        },
        [&](Index o) { this->give(o); });
  }
};

template <class S>
struct Sorted : Plane<S> {
  using T = typename Plane<S>::T;
  static constexpr Index most = SIDE * SIDE;
  Radix<T, std::uint16_t> radix{most};
  Array<T> lane = Array<T>(most), value = Array<T>(most);
  Array<std::uint8_t> plane = Array<std::uint8_t>(most), row = Array<std::uint8_t>(most + 256), column = row;
  Index words = 0;  // of 64 elements, a bin
  using Plane<S>::Plane;

  // Where elements may be absent, one place of a tile lies in no window.
  static Index most_rows(const anypool_orders& job) { return SIDE - job.span[1].size + !job.terms; }
  static Index most_columns(const anypool_orders& job) { return SIDE - job.span[2].size + !job.terms; }
  void run() {
    Index n = 0;
    this->read([&](Index r, Index c, S v) {
      const Index i = r * SIDE + c;
      this->nan |= is_nan(v);
      lane[i] = Keys<S>::in(v), radix.one[n++] = {digits(lane[i]), std::uint16_t(i)};
    });
    radix.sort(n);
    words = (n + 64 * 256 - 1) / (64 * 256);
    for (Index r = 0; r < n; ++r) {
      const Index i = radix.one[r].element;
      value[r] = lane[i], plane[i] = std::uint8_t(r / 64 / words), row[r] = std::uint8_t(i / SIDE),
      column[r] = std::uint8_t(i % SIDE);
    }
    for (Index r = n; r < std::min(most, (n + 64 * words - 1) / 64 * 64); ++r)
      row[r] = column[r] = SIDE - 1;  // in no window, or n is `most`
    this->slide(
        plane.data(), SIDE,
        [&](Index o, Index c, auto& window) {
          this->ranks(o, c,
                      [&](Index rank, bool both) ANYPOOL_FLAT { select(window.find(rank), o, c, both); });
        },
        [&](Index o) { this->give(o); });
  }
  // No branch depends on the elements: where the rank lies in a bin is not foretold.
  ANYPOOL_INLINE void select(Found found, Index o, Index c, bool both) {
    const auto elements = [this, o,
                           c](Index from) ANYPOOL_FLAT {  // of 64 in their order, those of the window
      const std::uint8_t *r = row.data() + from, *k = column.data() + from;
      const std::uint64_t box = inside(r, k, o, this->rows.size, c, this->columns.size);
      return this->job.runs ? this->footprint.among(box, r, k, o, c) : box;
    };
    Index at = found.bin * words * 64, word = 0, below = 0, upto = 0;
    std::uint64_t bits[4];
    for (Index w = 0; w < words; ++w) {
      bits[w] = elements(at + 64 * w), upto += __builtin_popcountll(bits[w]);
      const bool beyond = upto <= found.rank;
      word += beyond, below = beyond ? upto : below;
    }
    std::uint64_t here = bits[word];
    const int place = nth(here, found.rank - below);
    at += 64 * word;
    this->low[c] = this->high[c] = value[at + place];
    if (!both) return;
    here &= (~std::uint64_t(0) << place) << 1;
    Index next = at;  // the first of four words with another element, which is there in large windows
    for (Index w = 1; w <= 4; ++w) {
      const std::uint64_t more = elements(at + 64 * w);
      next = here ? next : at + 64 * w, here = here ? here : more;
    }
    while (!here) next += 64, here = elements(next);
    this->high[c] = value[next + __builtin_ctzll(here)];
  }
};

template <class Engine>
int tasks(const anypool_orders& job, Index begin, Index end) {
  const auto &rows = job.span[1], &columns = job.span[2];
  const auto pieces = [](Index n, Index most) { return (n + most - 1) / most; };
  const Index strips = pieces(columns.windows, Engine::most_columns(job)),
              bands = pieces(rows.windows, Engine::most_rows(job));
  if (begin < 0) return int(std::min<Index>(job.batches * strips * bands, 1 << 30));
  Engine engine(job);
  for (Index t = begin; t < end; ++t) {
    const Index band = t % bands, strip = t / bands % strips, item = t / bands / strips;
    engine.begin(item, rows.windows * band / bands, rows.windows * (band + 1) / bands,
                 columns.windows * strip / strips, columns.windows * (strip + 1) / strips);
    engine.run();
  }
  return engine.nan ? DECLINED : DONE;
}
}  // namespace

// begin < 0: how many tasks there are. DECLINED says that x holds a NaN, as in the other engines.
int histogram(const anypool_orders& job, Index begin, Index end);
int histogram(const anypool_orders& job, Index begin, Index end) {
  return guarded([&] {
    return with_type(job.type, [&](auto v) {
      using S = decltype(v);
      if constexpr (sizeof(S) == 1) return tasks<Bytes<S>>(job, begin, end);
      else return tasks<Sorted<S>>(job, begin, end);
    });
  });
}
}  // namespace anypool::ANYPOOL_ISA
