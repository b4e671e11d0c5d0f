// One streaming scheme for every rank and layout: fold level after level, each row still in cache.
#pragma once
#include <cmath>
#include <new>
#include <vector>

#include "job.hpp"
#include "row.hpp"

namespace anypool::ANYPOOL_ISA {
template <class R, class T>
struct Fold {
  using L = Lanes<T>;
  const anypool_job& job;
  const anypool_level* level;
  int levels;
  std::vector<Index> lanes, results;               // input and output lanes under each level
  std::vector<std::vector<T>> row, many, digits;   // scratch of each level: its folded row, long folds, doublings
  std::vector<std::vector<T>> suffix;              // van Herk's blocks
  std::vector<T> counts, line;
  Index margin = 0;

  explicit Fold(const anypool_job& j) : job(j), level(j.level), levels(int(j.levels)), lanes(levels), results(levels), row(levels), many(levels), digits(levels), suffix(levels) {
    Index in = job.inner, out = job.inner;
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
    }
    const auto& last = level[levels - 1];
    if (horizontal(levels - 1)) margin = std::max<Index>(0, -(last.affine ? last.start : 0)) * job.inner;
  }

  bool horizontal(int l) const { return l == levels - 1 && level[l].windows && job.inner < L::n; }

  T* scratch(std::vector<T>& v, Index n, T value = T(0)) {
    if (Index(v.size()) < n) v.assign(n, value);
    return v.data();
  }

  // A row to fold into: what lies left and right of it is nothing, so that windows need no clipping.
  T* row_of(int l) {
    const auto& last = level[levels - 1];
    Index right = 0;
    if (horizontal(levels - 1) && last.affine)
      right = std::max<Index>(0, last.start + (last.windows - 1) * last.stride + (last.places - 1) * last.step + 1 - last.size) * job.inner;
    return scratch(row[l], margin + lanes[l] + right + 4 * L::n, R::template nothing<T>()) + margin;
  }

  T divisor(T n) const { return R::divides ? T(job.divisor != 0 ? job.divisor : n) : T(0); }

  void run(int l, const T* x, T* y, T n, Index begin, Index end) {
    const auto& a = level[l];
    if (!a.windows) {
      for (Index i = begin; i < end; ++i) next(l, x + i * lanes[l], y + i * results[l], n);
      return;
    }
    if (horizontal(l)) return across(x, y, n, begin, end, l == 0 || !level[l - 1].windows);
    bool overlaps = a.affine && a.step == 1 && a.places > 8 && a.stride < a.places;
    if (overlaps) return van_herk(l, x, y, n, begin, end);
    for (Index o = begin; o < end; ++o) {
      Index k = a.length[o];
      T m = n * T(a.count[o]);
      bool final = l == levels - 1;
      T* dst = final ? y + o * results[l] : row_of(l);
      if (!k) nothing(l, dst, final);
      else fold_many<R, T>(x + a.first[o] * lanes[l], a.step * lanes[l], k, dst, lanes[l], final ? divisor(m) : T(0), scratch(many[l], 2 * lanes[l]));
      if (!final) next(l, dst, y + o * results[l], m);
    }
  }

  void next(int l, const T* x, T* y, T n) {
    if (l + 1 < levels) run(l + 1, x, y, n, 0, level[l + 1].windows ? level[l + 1].windows : level[l + 1].size);
  }

  void nothing(int l, T* dst, bool final) { std::fill(dst, dst + lanes[l], final ? T(job.empty) : R::template nothing<T>()); }

  // Blocks of k rows: suffix folds of a block meet prefix folds of the next; at most three merges an element.
  void van_herk(int l, const T* x, T* y, T n, Index begin, Index end) {
    const auto& a = level[l];
    const Index k = a.places, w = lanes[l];
    const bool final = l == levels - 1;
    T* buffer = scratch(suffix[l], (k + 2) * w);
    std::vector<const T*> at(k);
    auto start = [&](Index o) { return a.start + o * a.stride; };
    auto real = [&](Index i) { return i >= 0 && i < a.size; };
    for (Index o = begin; o < end;) {
      const Index base = start(o);
      const T* below = nullptr;
      for (Index i = k - 1; i >= 0; --i) {
        if (real(base + i)) {
          const T* here = x + (base + i) * w;
          if (!below) below = here;
          else fold_few<R, T>(here, below, 0, 1, buffer + i * w, w, T(0)), below = buffer + i * w;
        }
        at[i] = below;
      }
      const T* prefix = nullptr;
      Index seen = base + k;
      T* spare[2] = {buffer + k * w, buffer + (k + 1) * w};
      int turn = 0;
      for (; o < end && start(o) < base + k; ++o) {
        for (; seen < start(o) + k; ++seen) {
          if (!real(seen)) continue;
          const T* here = x + seen * w;
          if (!prefix) prefix = here;
          else fold_few<R, T>(prefix, here, 0, 1, spare[turn], w, T(0)), prefix = spare[turn], turn ^= 1;
        }
        const T* above = at[start(o) - base];
        T m = n * T(a.count[o]);
        T* dst = final ? y + o * results[l] : row_of(l);
        if (!above && !prefix) nothing(l, dst, final);
        else join_rows<R, T>(above, prefix, dst, w, final ? divisor(m) : T(0));
        if (!final) next(l, dst, y + o * results[l], m);
      }
    }
  }

  // The last axis, whose lanes lie side by side. `raw`: x is the user's own row, with nothing beside it.
  void across(const T* x, T* y, T n, Index begin, Index end, bool raw) {
    const auto& a = level[levels - 1];
    const Index c = job.inner;
    if (!a.affine) return irregular(x, y, n, begin, end);
    const Index block = raw ? std::max<Index>(4096 / c, 1) : end - begin;
    for (Index o = begin; o < end; o += block) {
      Index m = std::min(block, end - o), low = a.start + o * a.stride, reach = (m - 1) * a.stride + (a.places - 1) * a.step + 1;
      const T* b = x + low * c;
      if (raw) {  // copy the stretch, with nothing beyond its ends
        Index from = std::clamp<Index>(low, 0, a.size), to = std::clamp<Index>(low + reach, 0, a.size);
        T* fresh = scratch(row[levels - 1], (reach + 4) * c + 4 * L::n);
        std::fill(fresh, fresh + (from - low) * c, R::template nothing<T>());
        std::memcpy(fresh + (from - low) * c, x + from * c, (to - from) * c * sizeof(T));
        std::fill(fresh + (to - low) * c, fresh + reach * c + 4 * L::n, R::template nothing<T>());
        b = fresh;
      }
      stretch(b, y + o * c, n, o, m);
    }
  }

  void stretch(const T* b, T* y, T n, Index o, Index m) {
    const auto& a = level[levels - 1];
    const Index c = job.inner, out = m * c;
    if (R::divides && counts.empty()) {  // this axis' factor of every count, once
      counts.assign(a.windows * c + L::n, T(1));
      if (job.divisor == 0)
        for (Index i = 0; i < a.windows; ++i) std::fill(&counts[i * c], &counts[i * c] + c, T(a.count[i]));
    }
    const T* d = counts.data() + (R::divides ? o * c : 0);
    if (R::divides && job.divisor != 0) n = T(job.divisor);
    T* to = out < L::n ? scratch(line, L::n) : y;  // a whole vector is stored even where less is asked for
    if (a.stride == 1 && a.places <= 8) few_taps<R, T, 1>(b, a.places, a.step * c, to, out, d, n);
    else if (a.stride == 1) {
      Index width = out + a.places * a.step * c + 2 * L::n;
      many_taps<R, T>(b, a.places, a.step * c, to, out, d, n, scratch(digits[levels - 1], 32 * width), width);
    } else if (a.stride == 2 && c == 1 && a.step == 1 && a.places <= 8) few_taps<R, T, 2>(b, a.places, 1, to, out, d, n);
    else
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < c; ++j) {
          const T* p = b + i * a.stride * c + j;
          T v = *p;
          for (Index t = 1; t < a.places; ++t) v = R::merge(v, p[t * a.step * c]);
          if constexpr (R::divides) v = v / (d[i * c + j] * n);
          to[i * c + j] = v;
        }
    if (to != y) std::memcpy(y, to, out * sizeof(T));
    for (Index i = 0; i < m; ++i)
      if (!a.length[o + i]) std::fill(y + i * c, y + (i + 1) * c, T(job.empty));
  }

  void irregular(const T* x, T* y, T n, Index begin, Index end) {
    const auto& a = level[levels - 1];
    const Index c = job.inner;
    for (Index o = begin; o < end; ++o) {
      const Index k = a.length[o];
      const T d = divisor(n * T(a.count[o]));
      for (Index j = 0; j < c; ++j) {
        T v = T(job.empty);
        if (k) {
          const T* p = x + a.first[o] * c + j;
          if (c == 1 && a.step == 1) v = fold_run<R, T>(p, k);
          else {
            v = *p;
            for (Index t = 1; t < k; ++t) v = R::merge(v, p[t * a.step * c]);
          }
          if constexpr (R::divides) v = v / d;
        }
        y[o * c + j] = v;
      }
    }
  }
};

template <class R, class T>
int fold(const anypool_job& job, Index begin, Index end) {
  try {
    Fold<R, T> f(job);
    const Index parts = chunks(job), count = batches(job);
    int lead = 0;
    Index in = 1, out = 1;  // lanes of one batch item
    while (lead < f.levels && !f.level[lead].windows) ++lead;
    const auto& a = f.level[lead];
    in = a.size * f.lanes[lead], out = a.windows * f.results[lead];
    (void)count;
    const Index share = (a.windows + parts - 1) / parts;
    for (Index task = begin; task < end; ++task) {
      Index item = task / parts, part = task % parts;
      Index from = std::min(part * share, a.windows), to = std::min(from + share, a.windows);
      f.run(lead, static_cast<const T*>(job.x) + item * in, static_cast<T*>(job.y) + item * out, T(1), from, to);
    }
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}
}  // namespace anypool::ANYPOOL_ISA
