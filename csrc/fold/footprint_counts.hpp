// The weights of a footprint's present positions: what its windows divide by where no element has a weight.
#pragma once
#include "abi/job.hpp"
#include "fold/footprint_parts.hpp"
#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// An engine that reads no element: the sum of the weights of each window's places inside the axes.
template <class A>
class FootprintCounts final : public Passes {
 public:
  explicit FootprintCounts(const anypool_job& job)
      : presence(job.weighting == PRESENCE),
        level(job.level),
        levels(int(job.levels)),
        inner(job.inner),
        window(level[levels - 1]),
        parts(job, false) {
    for (auto* each : {&out, &at}) each->resize(levels);
    Index out_ = inner;
    for (int l = levels - 1; l >= 0; --l) out[l] = out_, out_ *= all(l);
    before.assign(parts.lines() * (window.places + 1), 0);
    Index line = 0;
    for (Index i = 0; i < job.runs; ++i) {
      const auto& run = job.run[i];
      while (parts.row[line] != run.row) ++line;
      for (Index j = run.first; j < run.first + run.length; ++j)
        before[line * (window.places + 1) + j + 1] = presence ? 1 : run.weight;
    }
    for (line = 0; line < parts.lines(); ++line)
      for (Index j = 0; j < window.places; ++j)
        before[line * (window.places + 1) + j + 1] += before[line * (window.places + 1) + j];
    present.resize(parts.lines()), row_present.assign(parts.lines(), 2);
  }

  void run(int lead_, const void*, Index, Index rows, Index, void* y, Index y_pitch, Index from_,
           Index to_) override {
    lead = lead_, from = from_, to = to_;
    for (Index r = 0; r < rows; ++r) walk(lead, static_cast<A*>(y) + r * y_pitch);
  }

 private:
  const bool presence;  // whether the plane says which windows have a place, not what it weighs
  const anypool_level* level;
  const int levels;
  const Index inner;
  const anypool_level& window;  // windows along the last level
  const FootprintParts parts;
  Array<Index> out, at;                      // results under a position; the window's index on each level
  Array<double> before;                      // of each line: the weights of its places before each
  Array<std::uint8_t> present, row_present;  // which lines lie inside the axes, now and in `row`
  Array<A> row;                              // the counts of one row of windows
  Index row_from = 0, row_to = 0;
  int lead = 0;
  Index from = 0, to = 0;

  Index all(int l) const { return level[l].windows ? level[l].windows : level[l].size; }

  void walk(int l, A* y) {
    if (l == levels - 1) return copy_row(y);
    const Index begin = l == lead ? from : 0, end = l == lead ? to : all(l);
    for (at[l] = begin; at[l] < end; ++at[l], y += out[l]) walk(l + 1, y);
  }

  void copy_row(A* y) {
    for (Index i = 0; i < parts.lines(); ++i) {
      present[i] = 1;
      for (int l = lead; l < levels - 1; ++l) {
        const auto& a = level[l];
        const Index p = a.start + at[l] * a.stride + (a.windows ? parts.place(i, l) * a.step : 0);
        if (a.windows && (p < 0 || p >= a.size)) present[i] = 0;
      }
    }
    const bool alone = lead == levels - 1;
    const Index begin = alone ? from : 0, end = alone ? to : window.windows;
    if (present != row_present || begin != row_from || end != row_to) count_row(begin, end);
    std::copy_n(row.data(), (end - begin) * inner, y);
  }

  void count_row(Index begin, Index end) {
    row_present = present, row_from = begin, row_to = end;
    room(row, (end - begin) * inner);
    const Index k = window.places;
    A full = 0;
    bool known = false;
    for (Index o = begin; o < end; ++o) {
      const Index start = window.start + o * window.stride;
      const Index first = std::clamp<Index>(-floor_div(start, window.step), 0, k);
      const Index last = std::clamp<Index>(-floor_div(start - window.size, window.step), first, k);
      const bool whole = first == 0 && last == k;
      A count = full;
      if (!whole || !known) {
        double total = 0;
        for (Index i = 0; i < parts.lines(); ++i)
          if (present[i]) total += before[i * (k + 1) + last] - before[i * (k + 1) + first];
        count = presence ? A(total != 0) : A(total);
        if (whole) full = count, known = true;
      }
      std::fill_n(row.data() + (o - begin) * inner, inner, count);
    }
  }
  static Index floor_div(Index a, Index b) { return a / b - (a % b < 0); }
};
}  // namespace anypool::ANYPOOL_ISA
