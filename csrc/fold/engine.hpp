// One merge over any levels: level after level, each in blocks of rows that stay in the first-level cache.
#pragma once
#include "abi/job.hpp"
#include "fold/blocks.hpp"
#include "fold/footprint.hpp"
#include "fold/irregular.hpp"
#include "fold/row.hpp"
#include "fold/runs.hpp"
#include "fold/squares.hpp"
#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index block_bytes = 24576;

template <class M, class T>
struct Engine final : Passes {
  using L = Lanes<T>;
  const anypool_level* level;
  const int levels;
  const Index inner;
  Array<Index> lanes, results;      // input and output lanes under each level
  Array<Scratch<T>> block, suffix;  // scratch of each level: its folded rows, van Herk's blocks
  Scratch<T> digits;                // doublings
  Division<T> division;             // of a mean's rows
  Squares<M, T> squares;            // the last two levels at once
  Places<M, T> index;               // of short irregular windows
  Array<std::int32_t> fetched;      // where each lane of windows far apart begins
  Index fetched_stride = 0;
  Index left = 0, right = 0;  // what windows of the last level see beyond its ends

  explicit Engine(const anypool_job& job)
      : level(job.level),
        levels(int(job.levels)),
        inner(job.inner),
        lanes(levels),
        results(levels),
        block(levels),
        suffix(levels),
        division(job),
        squares(job, division) {
    Index in = inner, out = inner;
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
    }
    const auto& a = level[levels - 1];
    if (horizontal(levels - 1) && a.affine) {
      left = std::max<Index>(0, -a.start) * inner;
      right = std::max<Index>(0, reach(a, a.windows - 1) - a.size) * inner;
    } else if (horizontal(levels - 1) && levels > 1 && inner == 1 && index.of(job)) right = 1;
  }

  bool divides() const override { return division.serves; }
  void clear(void* to, Index n) const override { std::fill_n(static_cast<T*>(to), n, M::nothing); }
  void join(const void* part, void* to, void* rest, Index n) const override {
    joined<M>(static_cast<const T*>(part), static_cast<T*>(to), static_cast<T*>(rest), n);
  }
  static Index reach(const anypool_level& a, Index o) {
    return a.start + o * a.stride + (a.places - 1) * a.step + 1;
  }
  bool horizontal(int l) const { return l == levels - 1 && level[l].windows && inner < L::n; }

  void run(int l, const void* x, Index pitch, Index rows, Index base, void* y, Index y_pitch, Index from,
           Index to) override {
    pass(l, {static_cast<const T*>(x), pitch, rows}, base, {static_cast<T*>(y), y_pitch, rows}, from, to,
         true, false);
  }

  // `raw`: the rows come from memory, not from scratch; `margins`: what lies beside them is nothing.
  void pass(int l, Rows<const T> x, Index base, Rows<T> y, Index from, Index to, bool raw, bool margins) {
    const auto& a = level[l];
    if (!a.windows) {
      for (Index r = 0; r < x.count; ++r)
        pass(l + 1, {x.p + r * x.pitch + (from - base) * lanes[l], lanes[l], to - from}, 0,
             {y.p + r * y.pitch, results[l], to - from}, 0, all(l + 1), raw, false);
      return;
    }
    if (horizontal(l)) return across(x, base, y, from, to, margins);
    if (squares.rows && l == levels - 2) {
      for (Index r = 0; r < x.count; ++r) squares.fold(x.p + r * x.pitch, base, y.p + r * y.pitch, from, to);
      return;
    }
    if (l == levels - 2 && index.direct) {
      for (Index r = 0; r < x.count; ++r)
        index.fold_each(x.p + r * x.pitch, a, base, y.p + r * y.pitch, from, to, division);
      return;
    }
    const bool joined = a.affine && a.places > 8 && a.stride < a.places * a.step;
    for (Index r = 0; r < x.count; ++r) {
      const T* row = x.p + r * x.pitch - base * lanes[l];
      T* result = y.p + r * y.pitch;
      if (l == levels - 1) {
        if (joined)
          van_herk<M>(a, lanes[l], suffix[l], row, result, results[l], from, to, raw, to - from,
                      [](Index, Index) {});
        else down(l, row, result, results[l], from, to, raw);
        continue;
      }
      const bool last = horizontal(l + 1);  // the next level reads beyond its ends: leave margins of nothing
      const Index before = last ? (left + L::n - 1) / L::n * L::n : 0,
                  wide = before + lanes[l] + (last ? right : 0), next = (wide + L::n - 1) / L::n * L::n;
      Index height = std::clamp<Index>(block_bytes / (next * Index(sizeof(T))), 1, to - from);
      if (joined && a.step > 1) height = to - from;  // its windows are not made in order
      T* b = room(block[l], next * height + L::n, M::nothing) + before;
      auto deeper = [&](Index o, Index h) {  // windows [o, o + h) are in the block
        const Rows<T> made{result + (o - from) * results[l], results[l], h};
        pass(l + 1, {b, next, h}, 0, made, 0, all(l + 1), false, last);
        if (division.serves) division.rows(made.p, made.pitch, o, o + h);
      };
      if (joined) {
        van_herk<M>(a, lanes[l], suffix[l], row, b, next, from, to, raw, height, deeper);
        continue;
      }
      for (Index o = from; o < to; o += height) {
        const Index h = std::min(height, to - o);
        down(l, row, b, next, o, o + h, raw);
        deeper(o, h);
      }
    }
  }

  Index all(int l) const { return l < levels ? (level[l].windows ? level[l].windows : level[l].size) : 0; }

  // Windows [from, to) of one column of rows; results are `pitch` apart.
  void down(int l, const T* x, T* y, Index pitch, Index from, Index to, bool raw) {
    const auto& a = level[l];
    const Index wide = l == levels - 1 ? lanes[l] * Index(sizeof(T)) : 0;
    const bool near = a.affine && a.stride == 1 && a.step == 1 && a.places > 2 && a.places <= 8;
    for (Index o = from; o < to; ++o, y += pitch) {
      const Index apart = a.affine     ? a.stride
                          : o + 1 < to ? std::min<Index>(a.first[o + 1] - a.first[o], 8)
                                       : 0;
      if (raw) ask<0>(x + a.first[o] * lanes[l], 8192, apart * lanes[l] * Index(sizeof(T)));
      if (near && o + 1 < to && a.length[o] == a.places && a.length[o + 1] == a.places) {
        if (raw) ask<0>(x + a.first[o + 1] * lanes[l], 8192, lanes[l] * Index(sizeof(T)));
        if (wide) ask<1>(y, 4096, 2 * wide);
        fold_pair<M, T>(x + a.first[o] * lanes[l], a.places, y, pitch, lanes[l]);
        ++o, y += pitch;
        continue;
      }
      if (wide) ask<1>(y, 4096, wide);
      if (a.length[o])
        fold_many<M, T>(x + a.first[o] * lanes[l], a.step * lanes[l], a.length[o], y, lanes[l]);
      else std::fill(y, y + lanes[l], M::nothing);
    }
  }

  // The last axis, whose lanes lie side by side.
  void across(Rows<const T> x, Index base, Rows<T> y, Index from, Index to, bool margins) {
    const auto& a = level[levels - 1];
    const Index c = inner;
    for (Index r = 0; !a.places && r < y.count; ++r)
      std::fill_n(y.p + r * y.pitch, (to - from) * c, M::nothing);
    if (!a.places) return;  // every window is empty
    if (!a.affine && margins && !index.empty()) return index.fold(x.p, x.pitch, y.p, y.pitch, x.count);
    if (!a.affine) return irregular(x, base, y, from, to);
    if (margins) return stretch({x.p + (a.start + from * a.stride) * c, x.pitch, x.count}, y, to - from);
    const Index most =
        std::max<Index>(block_bytes / Index(sizeof(T)) / (c * std::max<Index>(a.stride, 1)), 1);
    for (Index o = from; o < to; o += most) {
      const Index end = std::min(to, o + most), low = a.start + o * a.stride, high = reach(a, end - 1);
      Rows<T> part{y.p + (o - from) * c, y.pitch, y.count};
      if (low >= 0 && high <= a.size) {
        stretch({x.p + (low - base) * c, x.pitch, x.count}, part, end - o);
        continue;
      }
      const Index begin = std::clamp<Index>(0, low, high), stop = std::clamp<Index>(a.size, begin, high),
                  wide = (high - low) * c;
      const Index height = std::clamp<Index>(block_bytes / (wide * Index(sizeof(T))), 1, x.count);
      T* b = room(block[levels - 1], wide * height + L::n, M::nothing);
      for (Index r = 0; r < x.count; r += height) {
        const Index h = std::min(height, x.count - r);
        for (Index i = 0; i < h; ++i) {
          T* row = b + i * wide;
          std::fill(row, row + (begin - low) * c, M::nothing);
          if (stop > begin)
            std::memcpy(row + (begin - low) * c, x.p + (r + i) * x.pitch + (begin - base) * c,
                        (stop - begin) * c * sizeof(T));
          std::fill(row + (stop - low) * c, row + wide, M::nothing);
        }
        stretch({b, wide, h}, {part.p + r * y.pitch, y.pitch, h}, end - o);
      }
    }
  }

  // `windows` windows of rows whose first element is the first window's, with nothing beyond the axis' ends.
  void stretch(Rows<const T> x, Rows<T> y, Index windows) {
    const auto& a = level[levels - 1];
    const Index c = inner, out = windows * c, far = a.step * c;
    const T* b = x.p;
    if (a.stride == 1 && a.places <= 8)
      return few_taps<M, T, 1>(b, x.pitch, y.p, y.pitch, x.count, out, a.places, far);
    if (a.stride == 2 && c == 1 && a.step == 1 && a.places <= 8)
      return few_taps<M, T, 2>(b, x.pitch, y.p, y.pitch, x.count, out, a.places, 1);
    if (a.stride == 1 && a.places <= 64) {
      const Index width = (out + a.places * far) / L::n * L::n + L::n,
                  height = std::clamp<Index>(block_bytes / 2 / (width * Index(sizeof(T))), 1, x.count);
      T* s = room(digits, height * width + L::n, M::nothing);
      for (Index r = 0; r < x.count; r += height)
        two_steps<M, T>(b + r * x.pitch, x.pitch, y.p + r * y.pitch, y.pitch, std::min(height, x.count - r),
                        out, a.places, far, s, width);
      return;
    }
    if (windows == 1 && c == 1 && a.step == 1 && a.places >= 2048)
      return fold_each<M, T>(b, x.pitch, a.places, y.p, y.pitch, x.count);
    const bool dense = a.stride == 1, doubled = dense || (a.places > 8 && a.stride * 4 <= a.places);
    const Index every = dense ? out : ((windows - 1) * a.stride + 1) * c,
                width = every + a.places * far + L::n;
    for (Index r = 0; r < x.count; ++r) {
      const T* row = b + r * x.pitch;
      T* result = y.p + r * y.pitch;
      ask<1>(result, 4096, out * Index(sizeof(T)));
      if (!doubled) {
        apart(row, result, windows);
        continue;
      }
      int rounds = 2;
      for (Index k = a.places; k > 1; k /= 2) ++rounds;
      T* s = room(digits, rounds * width, M::nothing);
      many_taps<M, T>(row, a.places, far, dense ? result : s, every, s + width, width);
      for (Index i = 0; !dense && i < windows; ++i) std::copy_n(s + i * a.stride * c, c, result + i * c);
    }
  }

  // Windows far from each other: side by side without a gap they are halved while they can be; else each lane
  // is fetched.
  void apart(const T* b, T* y, Index windows) {
    const auto& a = level[levels - 1];
    const Index c = inner, lanes_ = windows * c;
    Index k = a.places, stride = a.stride;
    if (c == 1 && a.step == 1 && k == stride && k < 8 * L::n) {
      T* s =
          k % 2 ? nullptr : room(digits, windows * k + 64 * L::n, M::nothing);  // a margin for each halving
      while (k % 2 == 0) {
        const Index together = std::min<Index>(k & -k, 8), fewer = windows * k / together;
        T* to = k == together ? y : s;
        halve<M, T>(b, to, fewer, together);
        b = to, s += fewer + L::n, stride = k /= together;
        if (k == 1) return;
      }
    }
    if (c == 1 && a.step == 1 && k >= L::n) {
      for (Index i = 0; i < windows; ++i) y[i] = fold_run<M, T>(b + i * stride, k);
      return;
    }
    if (k > most_in_a_row) {
      for (Index i = 0; i < windows; ++i) fold_many<M, T>(b + i * stride * c, a.step * c, k, y + i * c, c);
      return;
    }
    if (Index(fetched.size()) < lanes_ || fetched_stride != stride) {
      fetched.resize(lanes_), fetched_stride = stride;
      for (Index i = 0; i < lanes_; ++i) fetched[i] = std::int32_t(i / c * stride * c + i % c);
    }
    const std::int32_t* at = fetched.data();
    for (Index i = 0; i < lanes_; ++i) y[i] = b[at[i]];
    for (Index t = 1; t < k; ++t) {
      const T* tap = b + t * a.step * c;
#pragma GCC ivdep
      for (Index i = 0; i < lanes_; ++i) y[i] = M::merge(y[i], tap[at[i]]);
    }
  }

  void irregular(Rows<const T> x, Index base, Rows<T> y, Index from, Index to) {
    const auto& a = level[levels - 1];
    for (Index r = 0; r < x.count; ++r)
      fold_runs<M, T>(x.p + r * x.pitch - base * inner, a.first + from, a.length + from, to - from, a.step,
                      inner, y.p + r * y.pitch);
  }
};

template <template <class> class M, class T>
Passes* engine(const anypool_job& job) {
  if (job.runs) return new Footprint<M<T>, T>(job);
  return new Engine<M<T>, T>(job);
}
}  // namespace anypool::ANYPOOL_ISA
