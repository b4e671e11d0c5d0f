// Windows that hold some positions of a box, or weigh them: the runs of each row are folded by doubling, once
// for all windows that share them, and a window merges its runs in registers.
#pragma once
#include "fold/footprint_parts.hpp"
#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class M, class T>
class Footprint final : public Passes {
 public:
  explicit Footprint(const anypool_job& job)
      : level(job.level),
        levels(int(job.levels)),
        inner(job.inner),
        window(level[levels - 1]),
        parts(job, M::idempotent) {
    for (auto* each : {&in, &out, &at, &span, &slots_of}) each->resize(levels);
    Index in_ = inner, out_ = inner;
    for (int l = levels - 1; l >= 0; --l) {
      in[l] = in_, out[l] = out_;
      in_ *= level[l].size, out_ *= level[l].windows ? level[l].windows : level[l].size;
    }
    const Index end = window.start + (window.windows - 1) * window.stride + (window.places - 1) * window.step;
    clipped = window.start < 0 || end >= window.size;
    stored = int(parts.doublings) + clipped;
    const std::size_t n = parts.part.size();
    merged.resize(n), factor.resize(n), offset.resize(n), weight.resize(n), row_at.resize(parts.lines());
    for (std::size_t p = 0; p < n; ++p) {
      const auto& part = parts.part[p];
      offset[p] = part.shift, factor[p] = weight[p] = T(part.weight);
      for (int l = 0; l < levels - 1; ++l)
        if (level[l].windows) offset[p] += parts.place(part.line, l) * level[l].step * in[l];
    }
  }

  void run(int lead_, const void* x, Index pitch, Index rows, Index base_, void* y, Index y_pitch,
           Index from_, Index to_) override {
    lead = lead_, base = base_, from = from_, to = to_;
    choose_blocks();
    for (Index r = 0; r < rows; ++r) {
      item = static_cast<const T*>(x) + r * pitch;
      const auto to_item = static_cast<T*>(y) + r * y_pitch;
      const int mid = levels - 2;
      const Index begin = mid == lead ? from : 0, end = mid < lead ? 1 : mid == lead ? to : all(mid);
      const bool alone = lead == levels - 1;
      const Index first = alone ? from : 0, stop = alone ? to : window.windows;
      for (left = first; left < stop; left += columns) {
        right = std::min(left + columns, stop);
        for (mid_begin = begin; mid_begin < end; mid_begin += block) {
          mid_end = std::min(mid_begin + block, end);
          std::fill(held.begin(), held.end(), Index(-1));
          walk(lead, to_item);
        }
      }
    }
  }

 private:
  struct Line {
    const T *x = nullptr, *doublings = nullptr;
  };
  const anypool_level* level;
  const int levels;
  const Index inner;
  const anypool_level& window;  // windows along the last level
  const FootprintParts parts;
  Array<Index> in, out, at;     // elements and results under a position; the window's index on each level
  Array<Index> span, slots_of;  // positions of each level with rows in store; slots from one to the next
  Array<Index> held;            // which row each slot stores, -1 none
  Scratch<T> store, wide;       // rows and their doublings; results of every position
  Array<const T*> merged;       // what a window merges, and its weights
  Array<T> factor;
  const T* weights = nullptr;  // of what is merged: `factor`, or of all parts
  Array<Index> offset;         // of each part from its window's first position, where no row is stored
  Array<T> weight;             // of each part
  Array<Line> row_at;
  bool clipped;  // whether windows look beyond the ends of the last level
  int stored;    // rows that a slot stores
  int lead = 0;
  const T* item = nullptr;
  Index base = 0, from = 0, to = 0;
  Index left = 0, right = 0, columns = 1;       // windows of the last level at hand
  Index mid_begin = 0, mid_end = 1, block = 1;  // of the level above it
  Index width = 0;                              // lanes of a stored row

  Index all(int l) const { return level[l].windows ? level[l].windows : level[l].size; }
  static Index reach(const anypool_level& a) { return (a.places - 1) * a.step + 1; }
  Index lanes_of(Index windows) const { return ((windows - 1) * window.stride + 1) * inner; }

  // Rows in store stay in the second-level cache: blocks of columns, and of rows where outer levels share
  // them.
  void choose_blocks() {
    constexpr Index bytes = Index(1) << 18;
    const int mid = levels - 2;
    const Index beyond = (reach(window) - 1) * inner;
    columns = window.windows, block = mid < lead ? 1 : mid == lead ? to - from : all(mid);
    for (int l = lead; l < levels - 1; ++l) span[l] = level[l].windows ? reach(level[l]) : 1;
    if (!stored) return;
    Index outer = 1;
    for (int l = lead; l < mid; ++l) outer *= span[l];
    const Index row =
        Index(sizeof(T)) * stored * std::min(lanes_of(columns) + beyond, std::max<Index>(512, 4 * beyond));
    if (mid > lead && level[mid].windows) {
      const auto& a = level[mid];
      block = std::clamp<Index>((bytes / (row * outer) - span[mid]) / a.stride + 1,
                                std::min(2 * span[mid], block), block);
      span[mid] += (block - 1) * a.stride;
    }
    Index slots = 1;
    for (int l = levels - 2; l >= lead; --l) slots_of[l] = slots, slots *= span[l];
    const Index fit =
        std::max<Index>({bytes / (slots * stored * Index(sizeof(T))) - beyond, 512, 4 * beyond});
    columns = std::clamp<Index>((fit / inner - 1) / window.stride + 1, 1, columns);
    width = (lanes_of(columns) + beyond + Lanes<T>::n - 1) / Lanes<T>::n * Lanes<T>::n;
    held.assign(slots, -1), room(store, slots * stored * width, M::nothing);
  }

  void walk(int l, T* y) {
    if (l == levels - 1) return fold_row(y + (left - (l == lead ? from : 0)) * inner);
    const Index begin = l == levels - 2 ? mid_begin : l == lead ? from : 0;
    const Index end = l == levels - 2 ? mid_end : l == lead ? to : all(l);
    for (at[l] = begin; at[l] < end; ++at[l]) walk(l + 1, y + (at[l] - (l == lead ? from : 0)) * out[l]);
  }

  // Windows [left, right) of one row of windows.
  void fold_row(T* y) {
    Index n = 0;
    weights = factor.data();
    if (!stored && inside()) {
      weights = weight.data();
      const T* origin =
          item + (window.start + left * window.stride - (lead == levels - 1 ? base : 0)) * inner;
      for (int l = lead; l < levels - 1; ++l) origin += (at_origin(l) - (l == lead ? base : 0)) * in[l];
      for (n = 0; n < Index(offset.size()); ++n) merged[n] = origin + offset[n];
    } else {
      for (Index i = 0; i < parts.lines(); ++i) row_at[i] = line_at(i);
      for (Index p = 0; p < Index(parts.part.size()); ++p) {
        const auto& part = parts.part[p];
        const auto& row = row_at[part.line];
        if (!row.x) continue;
        merged[n] = (part.doubling ? row.doublings + (part.doubling - 1) * width : row.x) + part.shift;
        factor[n++] = weight[p];
      }
    }
    const Index windows = right - left, lanes = lanes_of(windows);
    if (window.stride == 1 || windows == 1) return merge(n, y, lanes);
    T* every = room(wide, lanes);
    merge(n, every, lanes);
    const Index apart = window.stride * inner;
    if (inner == 1)
      for (Index i = 0; i < windows; ++i) y[i] = every[i * apart];
    else
      for (Index i = 0; i < windows; ++i) std::copy_n(every + i * apart, inner, y + i * inner);
  }

  // The first position of the window at hand, and whether all its lines lie inside the axes.
  Index at_origin(int l) const { return level[l].windows ? level[l].start + at[l] * level[l].stride : at[l]; }
  bool inside() const {
    for (int l = lead; l < levels - 1; ++l)
      if (const auto& a = level[l]; a.windows && (at_origin(l) < 0 || at_origin(l) + reach(a) > a.size))
        return false;
    return true;
  }

  // A line of the window at hand: its elements, and their doublings; null beyond the ends.
  Line line_at(Index line) {
    Index offset = 0, slot = 0;
    for (int l = lead; l < levels - 1; ++l) {
      const auto& a = level[l];
      Index p = at[l];
      if (a.windows) {
        p = a.start + p * a.stride + parts.place(line, l) * a.step;
        if (p < 0 || p >= a.size) return {};
      }
      offset += (l == lead ? p - base : p) * in[l];
      if (stored) slot += p % span[l] * slots_of[l];
    }
    const Index first = window.start + left * window.stride;
    const T* x = item + offset + (first - (lead == levels - 1 ? base : 0)) * inner;
    if (!stored) return {x, nullptr};
    T* rows = store.data() + slot * stored * width;
    if (held[slot] != offset) fill(rows, x, first), held[slot] = offset;
    return clipped ? Line{rows, rows + width} : Line{x, rows};
  }

  // A slot: the row with identity elements beyond its ends if it is clipped, and its doublings.
  void fill(T* rows, const T* from_row, Index first) {
    const Index lanes = lanes_of(right - left) + (reach(window) - 1) * inner;
    if (clipped) {
      const Index begin = std::clamp<Index>(-first * inner, 0, lanes),
                  end = std::clamp<Index>((window.size - first) * inner, begin, lanes);
      std::fill(rows, rows + begin, M::nothing), std::copy(from_row + begin, from_row + end, rows + begin);
      std::fill(rows + end, rows + lanes, M::nothing);
      from_row = rows, rows += width;
    }
    Index done = lanes, apart = window.step * inner;
    for (int k = 0; k < parts.doublings; ++k, rows += width, apart *= 2) {
      done -= apart;
      each<T>(done, [&](Index i, auto whole) ANYPOOL_FLAT {
        put(rows + i, M::merge(get(from_row + i, whole), get(from_row + apart + i, whole)), whole);
      });
      from_row = rows;
    }
  }

  void merge(Index n, T* y, Index lanes) const {
    if (!n) std::fill_n(y, lanes, M::nothing);
    else if (parts.weighted) merge_parts<true>(n, y, lanes);
    else merge_parts<false>(n, y, lanes);
  }
  template <bool weighted>
  void merge_parts(Index n, T* y, Index lanes) const {
    using L = Lanes<T>;
    constexpr int together = 4;
    const auto term = [&](Index p, Index i, auto whole) ANYPOOL_FLAT {
      const typename L::V v = get(merged[p] + i, whole);
      if constexpr (weighted && std::is_floating_point_v<T>) return typename L::V(v * L::fill(weights[p]));
      else return v;
    };
    // `together` vectors from lane i on; `last`: how many lanes of the last one there are.
    const auto block = [&]<int vectors>(std::integral_constant<int, vectors>, Index i,
                                        auto last) ANYPOOL_FLAT {
      constexpr std::integral_constant<Index, L::n> whole;
      typename L::V v[vectors];
#pragma GCC unroll 4
      for (int u = 0; u < vectors - 1; ++u) v[u] = term(0, i + u * L::n, whole);
      v[vectors - 1] = term(0, i + (vectors - 1) * L::n, last);
      for (Index p = 1; p < n; ++p) {
#pragma GCC unroll 4
        for (int u = 0; u < vectors - 1; ++u) v[u] = M::merge(v[u], term(p, i + u * L::n, whole));
        v[vectors - 1] = M::merge(v[vectors - 1], term(p, i + (vectors - 1) * L::n, last));
      }
#pragma GCC unroll 4
      for (int u = 0; u < vectors - 1; ++u) put(y + i + u * L::n, v[u], whole);
      put(y + i + (vectors - 1) * L::n, v[vectors - 1], last);
    };
    constexpr std::integral_constant<Index, L::n> whole;
    constexpr std::integral_constant<int, together> all;
    if (lanes >= together * L::n) {
      for (Index i = 0; i + together * L::n <= lanes; i += together * L::n) block(all, i, whole);
      if (lanes % (together * L::n)) block(all, lanes - together * L::n, whole);  // some lanes twice, alike
      return;
    }
    const Index last = lanes - (lanes - 1) / L::n * L::n;
    switch ((lanes - 1) / L::n) {
      case 0: return block(std::integral_constant<int, 1>{}, 0, last);
      case 1: return block(std::integral_constant<int, 2>{}, 0, last);
      case 2: return block(std::integral_constant<int, 3>{}, 0, last);
      default: return block(all, 0, last);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
