// A tile whose windows are too large to be lifted at once: it is lifted and folded piece by piece, and the
// pieces' results are merged.
#pragma once
#include <cmath>
#include <memory>
#include <vector>

#include "fold/clipped.hpp"
#include "fold/deviations.hpp"
#include "fold/stage.hpp"
#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
constexpr Index piece_bytes = Index(1) << 18;  // lifted at once: stays in the second-level cache

class Pieces {
 public:
  // Windows [from, to) of the lead level, which hold positions from `base` to `stop`.
  Pieces(const anypool_job& job_, int lead_, Stager& stager_, Index width_, Index from, Index to, Index base_,
         Index stop)
      : job(job_),
        lead(lead_),
        levels(int(job.levels)),
        width(width_),
        planes(planes_of(job)),
        stager(stager_),
        base(base_),
        level(job.level, job.level + levels) {
    for (auto* each : {&low, &high, &begin, &end, &windows_from, &windows_to, &in, &out})
      each->resize(levels);
    below.resize(levels), clipped.resize(levels);
    for (auto& each : partial) each.resize(levels);
    Index in_ = job.inner * width * planes, out_ = job.inner;
    for (int l = levels - 1; l >= lead; --l) {
      const auto& a = job.level[l];
      low[l] = l == lead ? base : 0, high[l] = l == lead ? stop : a.size;
      windows_from[l] = l == lead ? from : 0, windows_to[l] = l == lead ? to : a.windows;
      in[l] = in_, out[l] = out_;
      in_ *= high[l] - low[l], out_ *= a.windows ? windows_to[l] - windows_from[l] : a.size;
    }
    begin = low, end = high;
    piece = job, piece.level = level.data(), piece.finish = PLAIN, piece.divisor = 0;
    if (job.merge0 == MOMENTS) count_below();
  }

  // How many positions of a level are lifted at once; 0 where too many windows begin and end between them.
  Index step_of(int l) const {
    const Index size = high[l] - low[l],
                fit = std::clamp<Index>(piece_bytes / std::max<Index>(in[l], 1), 1, std::max<Index>(size, 1));
    if (!job.level[l].windows) return fit;
    const Index windows = windows_to[l] - windows_from[l],
                k = std::clamp<Index>(4 * size / std::max<Index>(windows, 1), 1, fit);
    return windows * (size / k) <= 8 * size ? k : 0;
  }
  // Whether pieces cost about what reading the elements costs.
  bool serve() const {
    for (int l = lead; l < levels; ++l) {
      if (!step_of(l)) return false;
      if (in[l] <= piece_bytes) return true;
    }
    return in[levels - 1] <= 16 * piece_bytes;
  }

  // The tile of one item, folded into planes of its results; false: the numbers need the reference.
  bool fold(Index item_, unsigned char* const* to, Pivot& pivot_) {
    item = item_, pivot = &pivot_;
    if ((job.lift == SHIFTED || job.merge0 == MOMENTS) && !find_centre()) return false;
    double top = 0;
    if (!fold(lead, {{to[0], to[1], to[2]}}, top)) return false;
    if (exponential()) pivot->value = top;
    if (job.logs) pivot->scale = top;
    return true;
  }
  // Whether variances of these elements are right although their size raises doubts.
  bool vouched() const { return job.merge0 == MOMENTS && sure; }

 private:
  using Bytes = Scratch<unsigned char>;
  struct Planes {
    unsigned char* p[most_planes] = {};
  };
  // Spreads have sums beside them, from which their means are.
  bool folds(int k) const { return has_plane(job, k) || (k == 1 && job.merge0 == MOMENTS); }
  std::int64_t merge(int k) const {
    return k == 1 && job.merge0 == MOMENTS ? std::int64_t(SUM) : folded_merge(job, k);
  }

  const anypool_job& job;
  const int lead, levels;
  const Index width, planes;  // bytes of a number; planes lifted
  Stager& stager;
  const Index base;
  Array<anypool_level> level;                      // as engines see the piece at hand
  Array<Index> low, high, begin, end;              // positions of the tile, and of the piece at hand
  Array<Index> windows_from, windows_to, in, out;  // bytes of a position, results of one of its windows
  Array<Array<double>> below;  // elements of each of those results, of levels under this one
  Array<Clipped> clipped;
  Array<Bytes> partial[most_planes];  // scratch of each level
  Bytes lifted[most_planes];
  anypool_job piece;
  std::unique_ptr<Passes> engine[most_planes];
  Array<Index> form;  // of the pieces that the engines were made for
  Index item = 0;
  Pivot* pivot = nullptr;
  bool sure = true;

  bool exponential() const { return job.lift == EXP || job.lift == EXP_VALUE; }
  bool compensated(int k) const {
    return folds(k) && job.merge0 != MOMENTS && merge(k) == SUM &&
           (job.plane_type == F32 || job.plane_type == F64);
  }

  template <class F>
  void with_floats(F f) const {
    if (job.plane_type == F32) f(float{});
    else if (job.plane_type == F64) f(double{});
  }

  void count_below() {
    for (int l = levels - 1; l >= lead; --l) {
      below[l].assign(out[l], 1);
      for (Index i = 0; l + 1 < levels && i < out[l]; ++i) {
        const auto& a = job.level[l + 1];
        below[l][i] = below[l + 1][i % out[l + 1]] * (a.windows ? double(a.length[i / out[l + 1]]) : 1.0);
      }
    }
  }

  // A median of some elements, which lie far apart.
  bool find_centre() {
    constexpr Index most = 63;
    Index all = 1;
    for (int l = lead; l < levels; ++l) all *= high[l] - low[l];
    const Index some = std::min(all, most), bytes = job.inner * width;
    auto* p = room(lifted[0], bytes);
    Array<double> sample;
    for (Index i = 0; i < some; ++i) {
      Index rest = i * (all / some);
      for (int l = levels - 1; l >= lead; --l) {
        begin[l] = low[l] + rest % (high[l] - low[l]), end[l] = begin[l] + 1;
        rest /= high[l] - low[l];
      }
      Pivot none;
      none.given = true;
      unsigned char* const to[most_planes] = {p, has_plane(job, 1) ? room(lifted[1], bytes) : nullptr,
                                              has_plane(job, 2) ? room(lifted[2], bytes) : nullptr};
      if (!stager.box(item, begin.data(), end.data(), base, to, none)) return false;
      with_floats([&](auto a) {
        using A = decltype(a);
        const A v = reinterpret_cast<const A*>(p)[i % job.inner];
        sample.push_back(v - v == 0 ? double(v) : 0.0);
      });
    }
    if (sample.empty()) sample.push_back(0);
    std::nth_element(sample.begin(), sample.begin() + sample.size() / 2, sample.end());
    pivot->value = sample[sample.size() / 2], pivot->given = true;
    begin = low, end = high;
    return true;
  }

  // Level l on, piece after piece; the levels above hold one position each.
  bool fold(int l, Planes to, double& top) {
    const auto& a = job.level[l];
    const Index k = step_of(l), windows = windows_to[l] - windows_from[l],
                results = (a.windows ? windows : high[l] - low[l]) * out[l];
    if (!engine[0]) engines();
    for (int f = 0; f < most_planes; ++f)
      if (folds(f)) engine[job.merge0 == MOMENTS ? 1 : f]->clear(to.p[f], results);
    Array<Bytes> rest(most_planes);
    for (int f = 0; f < most_planes; ++f)
      if (compensated(f)) room(rest[f], results * width);
    Array<double> held(job.merge0 == MOMENTS ? windows : 0);
    top = -std::numeric_limits<double>::infinity();
    for (Index p = low[l]; p < high[l]; p += k) {
      begin[l] = p, end[l] = std::min(p + k, high[l]);
      auto& c = clipped[l];
      Index parts = end[l] - p;
      if (a.windows) {
        c.cut(a, windows_from[l], windows_to[l], p, end[l]);
        parts = Index(c.first.size());
        if (!parts) continue;
        c.describe(level[l], end[l] - p, a.step);
      } else level[l].size = parts;
      const Index bytes = parts * out[l] * width;
      Planes made;
      for (int f = 0; f < most_planes; ++f)
        if (folds(f)) made.p[f] = room(partial[f][l], bytes);
      double here = 0;
      if (in[l] * (end[l] - p) <= piece_bytes || l == levels - 1 ? !direct(l, made, here)
                                                                 : !fold(l + 1, made, here))
        return false;
      if (exponential() || job.logs) agree(to, rest, results, top, made, parts * out[l], here);
      if (!a.windows) {
        for (int f = 0; f < most_planes; ++f)
          if (folds(f))
            std::memcpy(to.p[f] + (p - low[l]) * out[l] * width, made.p[f], parts * out[l] * width);
        continue;
      }
      for (std::size_t i = 0; i < c.window.size(); ++i) {
        const Index o = c.window[i], at = o * out[l] * width, part = c.part[i] * out[l] * width;
        if (job.merge0 == MOMENTS) {
          with_floats([&](auto v) {
            using A = decltype(v);
            const auto of = [](unsigned char* p, Index offset) { return reinterpret_cast<A*>(p + offset); };
            join_spreads(of(to.p[0], at), of(to.p[1], at), of(made.p[0], part), of(made.p[1], part),
                         below[l].data(), held[o], double(c.length[c.part[i]]), out[l]);
          });
          held[o] += double(c.length[c.part[i]]);
        } else
          for (int f = 0; f < most_planes; ++f)
            if (folds(f))
              engine[f]->join(made.p[f] + part, to.p[f] + at, compensated(f) ? rest[f].data() + at : nullptr,
                              out[l]);
      }
    }
    level[l] = job.level[l], begin[l] = low[l], end[l] = high[l];
    for (int f = 0; f < most_planes; ++f)
      if (compensated(f)) settle(to.p[f], rest[f].data(), results);
    return true;
  }

  // The piece at hand is lifted, and folded.
  bool direct(int l, Planes to, double& top) {
    Index elements = job.inner;
    for (int i = lead; i < levels; ++i) elements *= end[i] - begin[i];
    const Index bytes = elements * width,
                parts = job.level[l].windows ? Index(clipped[l].first.size()) : end[l] - begin[l];
    unsigned char* p[most_planes] = {};
    for (int k = 0; k < most_planes; ++k)
      if (has_plane(job, k)) p[k] = room(lifted[k], bytes);
    if (!stager.box(item, begin.data(), end.data(), base, p, *pivot)) return false;
    if (exponential()) top = pivot->value;
    if (job.logs) top = pivot->scale;
    engines();
    const Index windows = level[lead].windows, results = parts * out[l];
    if (job.merge0 == MOMENTS) {
      sure &= engine[0]->vouch(p[0], elements);
      with_floats([&](auto a) {
        using A = decltype(a);
        A* v = reinterpret_cast<A*>(p[0]);
        const A centre = A(pivot->value);
        for (Index i = 0; i < elements; ++i) v[i] -= centre;
      });
    }
    for (int f = 0; f < most_planes; ++f)
      if (folds(f))
        engine[f]->run(lead, p[has_plane(job, f) ? f : 0], elements, 1, 0, to.p[f], results, 0, windows);
    return true;
  }

  // Engines for the piece at hand; those of pieces that hold one window each serve for others of this form.
  void engines() {
    Array<Index> now;
    for (int l = lead; l < levels; ++l) {
      const auto& a = level[l];
      const bool same = a.windows == 1 && a.first == clipped[l].first.data();
      now.insert(now.end(), {a.size, same || !a.windows ? a.windows : -1 - a.windows, same ? a.first[0] : 0,
                             same ? a.length[0] : 0});
      if (a.windows > 1 && a.first == clipped[l].first.data()) form.clear();  // of other windows each time
    }
    if (engine[0] && now == form) return;
    form = now;
    for (int f = 0; f < most_planes; ++f)
      if (folds(f)) engine[f].reset(make_engine(merge(f), folded_type[job.plane_type], piece));
  }

  // Sums of e^(z - top) for two tops: those of the smaller one shrink.
  void agree(Planes to, Array<Bytes>& rest, Index results, double& top, Planes made, Index parts,
             double here) {
    if (here == -std::numeric_limits<double>::infinity()) return;  // no element of the piece is present
    const double factor = std::exp(-std::abs(top - here));
    with_floats([&](auto a) {
      using A = decltype(a);
      const auto shrink = [&](unsigned char* p, Index n) {
        A* v = reinterpret_cast<A*>(p);
        for (Index i = 0; i < n; ++i) v[i] *= A(factor);
      };
      for (int f = 0; f < (job.logs ? most_planes : 2); ++f) {  // other weights are no powers
        if (!has_plane(job, f)) continue;
        if (here > top) shrink(to.p[f], results), shrink(rest[f].data(), results);
        else shrink(made.p[f], parts);
      }
    });
    top = std::max(top, here);
  }

  void settle(unsigned char* to, const unsigned char* rest, Index n) const {
    with_floats([&](auto a) {
      using A = decltype(a);
      A* v = reinterpret_cast<A*>(to);
      const A* r = reinterpret_cast<const A*>(rest);
      for (Index i = 0; i < n; ++i)
        v[i] = r[i] - r[i] == 0 ? v[i] + r[i] : v[i];  // no number where the sum is none
    });
  }
};
}  // namespace anypool::ANYPOOL_ISA
