// A tile with very many results: jobs of fewer lanes or windows, whose answers are put where they belong.
#pragma once
#include <cstring>
#include <tuple>
#include <vector>

#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index most_results = Index(1) << 20;  // bytes of planes: fewer are not parted

class Parts {
 public:
  // One item, and windows [from, to) of the lead level.
  Parts(const anypool_job& job, int lead, Index item, Index from, Index to)
      : tile(job), level(job.level + lead, job.level + job.levels) {
    tile.levels -= lead, tile.level = level.data(), tile.staged = 1;
    Index x = 0, w = 0, rest = item, out = job.inner;
    for (int l = lead - 1; l >= 0; --l) {
      const auto& a = job.level[l];
      x += rest % a.size * a.x_stride, w += rest % a.size * a.w_stride, rest /= a.size;
    }
    tile.x = move(tile.x, x * sizes[tile.x_type]);
    if (tile.w) tile.w = move(tile.w, w * sizes[tile.w_type]);
    for (const auto& a : level) out *= a.windows ? a.windows : a.size;
    const Index at = item * out + from * (out / std::max<Index>(level[0].windows, 1));
    if (tile.y) tile.y = move(tile.y, at * sizes[tile.y_type]);
    if (tile.place) tile.place = move(tile.place, at * sizes[tile.place_type]);
    first = from, last = to;
    choose();
  }
  // Whether there are so many results, and parts that hardly share an element.
  bool serve() const { return parts > 1; }

  // Each part by run(job); what it answers that is not DONE is the answer.
  template <class Run>
  int run(Run run) {
    some(level[0], first, last, tile.x, tile.w, tables);
    first = 0, last = level[0].windows;
    const int end = int(level.size());
    Index before = 1, behind = tile.inner;
    for (int l = 0; l < end; ++l) {
      const Index n = results_of(l);
      if (l < by) before *= n;
      if (l > by) behind *= n;
    }
    if (by == end) behind = 1;
    const Index n = results_of(by);
    Scratch<unsigned char> y, place;
    for (Index p = 0; p < parts; ++p) {
      const Index from = n * p / parts, to = n * (p + 1) / parts, row = (to - from) * behind;
      anypool_job job = tile;
      Array<anypool_level> levels = level;
      Array<Array<std::int64_t>> held;
      job.level = levels.data();
      if (by == end) {
        job.inner = to - from, job.x = move(job.x, from * job.x_inner * sizes[job.x_type]);
        if (job.w) job.w = move(job.w, from * job.w_inner * sizes[job.w_type]);
      } else some(levels[by], from, to, job.x, job.w, held);
      if (job.y && before > 1) job.y = room(y, before * row * sizes[job.y_type]);
      else if (job.y) job.y = move(job.y, from * behind * sizes[job.y_type]);
      if (job.place && before > 1) job.place = room(place, before * row * sizes[job.place_type]);
      else if (job.place) job.place = move(job.place, from * behind * sizes[job.place_type]);
      if (const int failed = run(job)) return failed;
      for (Index b = 0; before > 1 && b < before; ++b) {
        if (job.y) put(tile.y, y.data(), b, row, (b * n + from) * behind, sizes[job.y_type]);
        if (job.place) put(tile.place, place.data(), b, row, (b * n + from) * behind, sizes[job.place_type]);
      }
    }
    return DONE;
  }

 private:
  anypool_job tile;
  Array<anypool_level> level;
  Array<Array<std::int64_t>> tables;
  int by = 0;  // the level that is parted, or the lanes under the last
  Index parts = 1;
  Index first = 0, last = 0;  // the windows of level 0

  template <class P>
  static P* move(P* p, Index bytes) {
    return const_cast<unsigned char*>(static_cast<const unsigned char*>(p)) + bytes;
  }
  static void put(void* to, const unsigned char* from, Index b, Index row, Index at, Index width) {
    std::memcpy(static_cast<unsigned char*>(to) + at * width, from + b * row * width, row * width);
  }
  Index results_of(int l) const {
    return l == int(level.size()) ? tile.inner
           : l == 0               ? last - first
           : level[l].windows     ? level[l].windows
                                  : level[l].size;
  }

  // Windows (of a batch: positions) [from, to) of a level alone, and of its positions those that they hold.
  void some(anypool_level& a, Index from, Index to, const void*& x, const void*& w,
            Array<Array<std::int64_t>>& held) const {
    Index low = from, high = to;
    if (a.windows) {
      std::tie(low, high) = span(a, from, to);
      auto& first = held.emplace_back(a.first + from, a.first + to);
      for (auto& v : first) v = std::max<std::int64_t>(v - low, 0);
      a.first = first.data(), a.length += from, a.count += from, a.windows = to - from,
      a.start += from * a.stride - low;
    }
    if (a.source ||
        (a.windows && tile.place_type == I64 && tile.place)) {  // positions are named by the axis as it was
      auto& source = held.emplace_back(high - low);
      for (Index i = 0; i < high - low; ++i) source[i] = a.source ? a.source[low + i] : low + i;
      a.source = source.data();
    } else {
      x = move(x, low * a.x_stride * sizes[tile.x_type]);
      if (w) w = move(w, low * a.w_stride * sizes[tile.w_type]);
    }
    a.size = high - low;
  }
  static std::pair<Index, Index> span(const anypool_level& a, Index from, Index to) {
    Index low = a.size, high = 0;
    for (Index o = from; o < to; ++o)
      if (a.length[o])
        low = std::min<Index>(low, a.first[o]),
        high = std::max<Index>(high, a.first[o] + (a.length[o] - 1) * a.step + 1);
    return low < high ? std::pair{low, high} : std::pair{Index(0), Index(0)};
  }

  void choose() {
    Index all = tile.inner, most = 1;
    for (int l = 0; l < int(level.size()); ++l) all *= results_of(l);
    const Index bytes = all * sizes[tile.plane_type] * planes_of(tile);
    if (bytes <= most_results) return;
    const Index wanted = std::max<Index>(2, 2 * bytes / most_results);
    for (int l = 0; l <= int(level.size()); ++l)  // lanes and batches share nothing
      if (results_of(l) > most && (l == int(level.size()) || !level[l].windows)) by = l, most = results_of(l);
    if (most < 4) {
      for (int l = 0; l < int(level.size()); ++l)
        if (level[l].windows && results_of(l) > most) by = l, most = results_of(l);
      const Index begin = by ? 0 : first;
      const auto [low, high] = span(level[by], begin, begin + most);
      for (parts = std::min(wanted, most); parts > 1; parts /= 2) {
        const auto [from, to] = span(level[by], begin, begin + most / parts);
        if (to - from <= 2 * (high - low) / parts) break;
      }
    } else parts = std::min(wanted, most);
  }
};
}  // namespace anypool::ANYPOOL_ISA
