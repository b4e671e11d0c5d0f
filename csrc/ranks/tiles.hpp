// One task of an order statistic: stage rows as keys, run the network for each row of tiles, write the
// answers.
#pragma once
#include <algorithm>

#include "ranks/answers.hpp"
#include "ranks/ends.hpp"
#include "ranks/machine.hpp"
#include "ranks/phases.hpp"
#include "ranks/present.hpp"

namespace anypool::ANYPOOL_ISA {
template <class S, class K = Keys<S>>
struct Tiles {
  using T = typename K::Lane;
  const anypool_orders& job;
  const OrdersCut& cut;
  const anypool_span &planes = job.span[0], &rows = job.span[1], &columns = job.span[2];
  const Index phases = job.tile_columns * columns.stride, deep = planes.size, wide = cut.tiles + job.reach;
  const Index reach_rows = (job.tile_rows - 1) * rows.stride + (rows.size - 1) * rows.step + 1;
  const Straight<T> straight = network();
  const Index scratch_rows = straight.run ? straight.rows : job.scratch;
  const std::int32_t* const outputs = straight.run ? straight.outputs : job.outputs;
  const Index staged_row = deep * phases * cut.pitch, elements = wide * std::max(phases, job.tile_columns);
  Scratch<T> rows_staged = Scratch<T>(2 * reach_rows * staged_row),
             rows_made = Scratch<T>(scratch_rows * cut.pitch);
  Scratch<T> registers = Scratch<T>((job.registers + 1) * Machine<T>::pass_lanes(job)),
             mixed = Scratch<T>(elements * job.ranks);
  const Index unit = std::min(cut.chunk, job.inner);
  const bool sparse = lacks(job);
  Scratch<S> line = Scratch<S>(sparse ? elements * unit : elements);
  const OrderAnswers<S, K> answers{job};
  PresentRows<S> present{job, K::last()};
  // How many elements each position has in each staged row, and each window of a row.
  const Index held_item = sparse ? elements * unit : 0, held_row = cut.group * held_item;
  Scratch<std::uint8_t> has = Scratch<std::uint8_t>(held_item),
                        held_in_row = Scratch<std::uint8_t>(2 * reach_rows * held_row),
                        held = Scratch<std::uint8_t>(held_row + Lanes<std::uint8_t>::n);
  bool nan = sparse ? present.nan : is_nan(border<S>(job)), undefined = false;
  // of the task at hand
  Index item = 0, items = 0, skip = 0, inner = 0, first = 0, tiles = 0;  // batch items, inner elements, tiles
  T *const ring = rows_staged.data(), *const scratch = rows_made.data();
  Machine<T> machine{job, scratch, registers.data(), cut.pitch, unit};

  Straight<T> network() const {
    if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::uint16_t> ||
                  std::is_same_v<T, std::int32_t> || std::is_same_v<T, float>)
      if (cut.pitch == straight_lines(job.scratch) * Index(64 / sizeof(T)))
        return straight_network<T>(job.key);
    return {};
  }
  S constant() const { return border<S>(job); }
  const S* source(Index at) const { return static_cast<const S*>(job.x) + job.batch_x[item + at] + skip; }

  void watch(const S* x, Index n) {
    if constexpr (K::floats) {
      int found = 0;
      for (Index i = 0; i < n; ++i) found |= is_nan(x[i]);
      nan |= found;
    } else (void)x, (void)n;
  }
  void keys(const S* x, Index n, T* d) {
    watch(x, n);
    for (Index i = 0; i < n; ++i) d[i] = K::in(x[i]);
  }
  // Not inline: it is called at many places, and holds a loop for each number of phases.
  __attribute__((noinline)) void split(const S* x, Index n, T* d) {
    switch (phases) {
      case 1: nan |= apart<1, K>(x, n, d, cut.pitch); return;
      case 2: nan |= apart<2, K>(x, n, d, cut.pitch); return;
      case 3: nan |= apart<3, K>(x, n, d, cut.pitch); return;
      case 4: nan |= apart<4, K>(x, n, d, cut.pitch); return;
      case 8: nan |= apart<8, K>(x, n, d, cut.pitch); return;
      case 16: nan |= apart<16, K>(x, n, d, cut.pitch); return;
      default:
        watch(x, n);
        for (Index c = 0; c < phases; ++c)
          for (Index i = c, o = 0; i < n; i += phases, ++o) d[c * cut.pitch + o] = K::in(x[i]);
    }
  }

  // Keys of elements that may be absent: the last key where one is, which is not watched.
  void lacking(const S* row, Index begin, Index n, T* d, std::uint8_t* held) {
    present.lay(row, begin, n, inner, line.data(), has.data());
    const bool found = present.nan;
    if (inner == 1 && unit == 1) split(line.data(), n, d);
    else
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < inner; ++j)
          d[i % phases * cut.pitch + i / phases * unit + j] = K::in(line[i * inner + j]);
    nan = found;
    present.add(has.data(), n * inner, held);
  }
  void gather(const S* row, Index begin, Index from, Index to) {
    const S fill = constant();
    for (Index i = from; i < to; ++i) {
      const Index at = columns.source ? columns.source[begin + i] : begin + i;
      line[i] = row && at >= 0 ? row[at * columns.x_stride] : fill;
    }
  }
  // The elements of one row that this task's tiles see, as keys, each phase a row of its own.
  __attribute__((noinline)) void stage(const S* row, T* d, std::uint8_t* held) {
    const Index begin = columns.start + first * phases,
                n = std::min((tiles + job.reach) * phases, columns.extent - begin);
    if (sparse) return lacking(row, begin, n, d, held);
    if (inner == 1 && job.inner == 1) {
      if (row && !columns.source && columns.x_stride == 1) return split(row + begin, n, d);
      const Index lo =
                      row && columns.x_stride == 1 ? std::clamp(present.middle.from - begin, Index(0), n) : n,
                  hi = std::clamp(present.middle.to - begin, lo, n);
      if (lo == 0 && hi == n) return split(row + begin - present.middle.shift, n, d);
      // the middle as it lies, from the first to the last whole tile
      const Index from = std::min((lo + phases - 1) / phases * phases, n),
                  to = std::max(hi / phases * phases, from);
      gather(row, begin, 0, from), gather(row, begin, to, n);
      split(line.data(), from, d), split(line.data() + to, n - to, d + to / phases);
      if (from < to) split(row + begin + from - present.middle.shift, to - from, d + from / phases);
      return;
    }
    if (row && phases == 1 && !columns.source && columns.x_stride == inner && inner == unit)
      return keys(row + begin * inner, n * inner, d);
    for (Index i = 0; i < n; ++i) {
      const Index at = columns.source ? columns.source[begin + i] : begin + i;
      T* to = d + i % phases * cut.pitch + i / phases * unit;
      if (row && at >= 0) keys(row + at * columns.x_stride, inner, to);
      else std::fill(to, to + inner, K::in(constant()));
    }
  }
  // The windows of this task along a row.
  Index windows() const {
    return std::min(tiles * job.tile_columns, columns.windows - first * job.tile_columns);
  }
  // One row of the window's planes, for every batch item, at place `slot` of the ring.
  void stage_row(Index plane, Index position, Index slot) {
    T* const d = ring + slot * staged_row;
    std::uint8_t* const held = held_in_row.data() + slot * held_row;
    if (sparse) std::fill_n(held, held_row, 0);
    const Index y = rows.source ? rows.source[position] : position;
    for (Index z = 0; z < deep; ++z) {
      Index at = planes.start + plane * planes.stride + z * planes.step;
      if (planes.source) at = planes.source[at];
      for (Index i = 0; i < items; ++i)
        stage(y < 0 || at < 0 ? nullptr : source(i) + at * planes.x_stride + y * rows.x_stride,
              d + z * phases * cut.pitch + i * wide * unit, held + i * held_item);
    }
  }

  template <class Y>
  void answer(Index plane, Index tile_row, Index slot) {
    const Index tile = job.tile_rows * job.tile_columns, many = job.tile_columns;
    const Index left = first * many, n = windows();
    for (Index r = 0; r < job.tile_rows; ++r) {
      const Index o = tile_row * job.tile_rows + r;
      if (o >= rows.windows) return;
      if (sparse) {
        std::fill(held.begin(), held.end(), 0);
        for (Index t = 0; t < rows.size; ++t)
          present.add(held_in_row.data() + (slot + r * rows.stride + t * rows.step) * held_row, held_row,
                      held.data());
        for (Index i = 0; i < items; ++i) present.count(held.data() + i * held_item, n, inner);
      }
      for (Index i = 0; i < items; ++i) {
        Y* y = static_cast<Y*>(job.y) + job.batch_y[item + i] + skip + plane * planes.y_stride +
               o * rows.y_stride + left * columns.y_stride;
        const std::uint8_t* count = sparse ? held.data() + i * held_item : nullptr;
        const T *found[MOST_RANKS][16], *row[MOST_RANKS];
        for (Index k = 0; k < job.ranks; ++k)
          for (Index c = 0; c < many; ++c)
            found[k][c] = machine.output(outputs[k * tile + r * many + c]) + i * wide * unit;
        if (inner == 1 && job.inner == 1) {
          if constexpr (std::is_same_v<T, Y> && std::is_same_v<S, T>)
            if (many > 1 && !job.blend && !job.terms && columns.y_stride == 1) {
              join(found[0], n, y);
              continue;
            }
          const std::uint64_t taken = many > 1 ? ranks_taken(count, n) : 0;
          for (Index k = 0; k < job.ranks; ++k) {
            row[k] = found[k][0];
            if (many > 1 && (k >= 64 || taken >> k & 1))
              join(found[k], n, mixed.data() + k * elements), row[k] = mixed.data() + k * elements;
          }
          undefined |= answers.give(row, n, columns.y_stride, y, count);
        } else
          for (Index v = 0; v < n; ++v) {
            for (Index k = 0; k < job.ranks; ++k) row[k] = found[k][v % many] + v / many * unit;
            undefined |=
                answers.give(row, inner, 1, y + v * columns.y_stride, count ? count + v * inner : nullptr);
          }
      }
    }
  }
  // Which of the first 64 ranks the counts of n windows ask for: of windows that lack a tenth of 25 elements
  // 5 of 13.
  std::uint64_t ranks_taken(const std::uint8_t* count, Index n) const {
    if (!count || job.terms > 2) return ~std::uint64_t(0);
    using L = Lanes<std::uint8_t>;
    auto low = L::fill(*count), high = low;
    Index i = 0;
    for (; i + L::n <= n; i += L::n)
      low = lesser(low, L::load(count + i)), high = greater(high, L::load(count + i));
    std::uint8_t fewest = *count, most = fewest;
    for (; i < n; ++i) fewest = std::min(fewest, count[i]), most = std::max(most, count[i]);
    for (int k = 0; k < L::n; ++k)
      fewest = std::min<std::uint8_t>(fewest, low[k]), most = std::max<std::uint8_t>(most, high[k]);
    std::uint64_t taken = 0;
    for (Index c = fewest; c <= most; ++c)
      for (const Index k : {job.low[c], job.high[c]}) taken |= k >= 0 && k < 64 ? std::uint64_t(1) << k : 0;
    return taken;
  }
  __attribute__((noinline)) void join(const T* const* row, Index n, T* d) const {
    switch (job.tile_columns) {
      case 2: return together<2>(row, n, d);
      case 4: return together<4>(row, n, d);
      case 8: return together<8>(row, n, d);
      default: return together<16>(row, n, d);
    }
  }

  void task(Index number) {
    const Index band = number % cut.bands, strip = number / cut.bands % cut.strips,
                chunk = number / cut.bands / cut.strips % cut.chunks;
    const Index rest = number / cut.bands / cut.strips / cut.chunks, plane = rest % planes.windows;
    item = rest / planes.windows * cut.group, items = std::min(cut.group, job.batches - item);
    skip = chunk * cut.chunk, inner = std::min(cut.chunk, job.inner - skip);
    const Index all = (columns.windows + job.tile_columns - 1) / job.tile_columns;
    first = strip * cut.tiles, tiles = std::min(cut.tiles, all - first);
    const Index last = std::min((band + 1) * cut.band, (rows.windows + job.tile_rows - 1) / job.tile_rows);
    const Index step = job.tile_rows * rows.stride;
    machine.lanes = items * wide * unit;
    Index base = rows.start + band * cut.band * step,
          have = base;  // the ring begins at this row; rows staged up to
    for (Index t = band * cut.band; t < last; ++t) {
      const Index top = rows.start + t * step, end = std::min(top + reach_rows, rows.extent);
      if (top - base + reach_rows > 2 * reach_rows) {
        for (Index k = 0; k < (have - top) * deep * phases;
             ++k)  // of each row what this task uses: whole ones took a third of a 5x5 of bytes
          std::copy_n(ring + (top - base) * staged_row + k * cut.pitch, items * wide * unit,
                      ring + k * cut.pitch);
        if (sparse && have > top)
          std::copy_n(held_in_row.data() + (top - base) * held_row, (have - top) * held_row,
                      held_in_row.data());
        base = top, have = std::max(have, top);
      }
      have = std::max(have, top);
      for (; have < end; ++have) stage_row(plane, have, have - base);
      machine.staged = ring + (top - base) * staged_row;
      if (straight.run) straight.run(machine.staged, scratch, unit, machine.lanes);
      else machine.run();
      if (job.y_type == job.type) answer<S>(plane, t, top - base);
      else answer<double>(plane, t, top - base);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
