// Ranks of bytes in large windows: a histogram for each column of the window's height, and one of the window that columns
// enter and leave; its fine bins are renewed only where the rank is looked for (Perreault & Hebert 2007). The work does not
// grow with the window.
#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "job.hpp"
#include "orders.hpp"
#include "words.hpp"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index STRIP = 256;  // columns of windows a task
typedef std::uint16_t Bins __attribute__((vector_size(32)));
struct Histogram {
  Bins coarse, fine[16];
};

// The running sums of sixteen bins.
ANYPOOL_INLINE Bins sums(Bins v) {
  const Bins zero{};
  v += __builtin_shufflevector(zero, v, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  v += __builtin_shufflevector(zero, v, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  v += __builtin_shufflevector(zero, v, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
  v += __builtin_shufflevector(zero, v, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
  return v;
}
// How many of the running sums are at most `rank`: the bin that holds it; `rank` becomes the rank inside the bin.
ANYPOOL_INLINE int bin_of(Bins v, Index& rank) {
  const Bins upto = sums(v);
  const Bins over = (Bins)(upto <= (Bins{} + std::uint16_t(rank)));
#if defined(__AVX2__)
  const int bin = __builtin_popcount(_mm256_movemask_epi8((__m256i)over)) / 2;
#else
  int bin = 0;
  for (int i = 0; i < 16; ++i) bin += over[i] != 0;
#endif
  if (bin) rank -= upto[bin - 1];
  return bin;
}

struct Strip {
  const anypool_orders& job;
  const anypool_span &rows, &columns;
  const std::uint8_t flip;  // signed bytes are ordered as unsigned ones
  std::vector<Histogram> column;
  std::vector<Index> across;  // where each column of the strip lies in a row, -1 beyond the border

  explicit Strip(const anypool_orders& j) : job(j), rows(j.span[1]), columns(j.span[2]), flip(j.type == I8 ? 128 : 0) {}

  std::uint8_t value(const std::uint8_t* row, Index c) const { return row && across[c] >= 0 ? row[across[c]] ^ flip : std::uint8_t(job.fill) ^ flip; }
  const std::uint8_t* row_at(Index item, Index r) const {
    const Index at = rows.source ? rows.source[rows.start + r] : rows.start + r;
    return at < 0 ? nullptr : static_cast<const std::uint8_t*>(job.x) + job.batch_x[item] + at * rows.x_stride;
  }
  void count(const std::uint8_t* row, Index c, int by) {
    const std::uint8_t v = value(row, c);
    Histogram& h = column[c];
    reinterpret_cast<std::uint16_t*>(&h.coarse)[v >> 4] += std::uint16_t(by);
    reinterpret_cast<std::uint16_t*>(h.fine)[v] += std::uint16_t(by);
  }

  void run(Index item, Index from, Index to, Index begin, Index end) {  // columns [from, to) of windows, rows [begin, end)
    const Index wide = to - from + columns.size - 1, k = columns.size;
    across.resize(wide);
    for (Index c = 0; c < wide; ++c) {
      const Index at = columns.start + from + c, real = columns.source ? columns.source[at] : at;
      across[c] = real < 0 ? -1 : real * columns.x_stride;
    }
    column.assign(wide, Histogram{});
    for (Index r = begin; r < begin + rows.size; ++r)
      for (Index c = 0; c < wide; ++c) count(row_at(item, r), c, 1);
    const Index target = job.outputs[0];
    for (Index o = begin; o < end; ++o) {
      if (o > begin) {
        const std::uint8_t *old = row_at(item, o - 1), *next = row_at(item, o + rows.size - 1);
        for (Index c = 0; c < wide; ++c) count(old, c, -1), count(next, c, 1);
      }
      Histogram h{};
      Index seen[16];  // the window that each sixteen fine bins are of
      std::fill_n(seen, 16, Index(-1) << 40);
      for (Index c = 0; c < k - 1; ++c) h.coarse += column[c].coarse;
      std::uint8_t* y = static_cast<std::uint8_t*>(job.y) + job.batch_y[item] + o * rows.y_stride + from * columns.y_stride;
      for (Index c = 0; c < to - from; ++c, y += columns.y_stride) {
        h.coarse += column[c + k - 1].coarse;
        Index rank = target;
        const int high = bin_of(h.coarse, rank);
        Bins& fine = h.fine[high];
        if (2 * (c - seen[high]) < k)
          for (Index t = seen[high]; t < c; ++t) fine += column[t + k].fine[high] - column[t].fine[high];
        else {
          fine = Bins{};
          for (Index t = 0; t < k; ++t) fine += column[c + t].fine[high];
        }
        seen[high] = c;
        *y = std::uint8_t(high << 4 | bin_of(fine, rank)) ^ flip;
        h.coarse -= column[c].coarse;
      }
    }
  }
};
}  // namespace

// begin < 0: how many tasks there are.
int histogram(const anypool_orders& job, Index begin, Index end);
int histogram(const anypool_orders& job, Index begin, Index end) {
  const auto &rows = job.span[1], &columns = job.span[2];
  const Index strips = (columns.windows + STRIP - 1) / STRIP;
  const Index bands = std::max<Index>(1, std::min(rows.windows / std::max<Index>(4 * rows.size, 1), 64 / std::max<Index>(strips * job.batches, 1)));
  if (begin < 0) return int(std::min<Index>(job.batches * strips * bands, 1 << 30));
  try {
    Strip strip(job);
    for (Index t = begin; t < end; ++t) {
      const Index band = t % bands, from = t / bands % strips * STRIP, item = t / bands / strips;
      strip.run(item, from, std::min(from + STRIP, columns.windows), rows.windows * band / bands, rows.windows * (band + 1) / bands);
    }
  } catch (const std::bad_alloc&) {
    return NO_MEMORY;
  }
  return DONE;
}
}  // namespace anypool::ANYPOOL_ISA
