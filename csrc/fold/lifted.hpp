// The lifted elements of single windows of a tile, for results that the folded planes cannot give.
#pragma once
#include "abi/job.hpp"
#include "fold/stager.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
class Lifted {
 public:
  // Items `pitch` elements apart, whose lead level begins at position `base`; windows from `from` of it are
  // folded.
  Lifted(const anypool_job& job_, int lead_, const Stager* stager_, Index item_,
         unsigned char* const* planes_, Index pitch_, Index base_, Index from_, Index to)
      : job(job_),
        lead(lead_),
        levels(int(job_.levels)),
        stager(stager_),
        item(item_),
        planes(planes_),
        pitch(pitch_),
        base(base_),
        from(from_),
        in(levels),
        out(levels),
        at(levels) {
    Index in_ = job.inner, out_ = job.inner;
    for (int l = levels - 1; l >= lead; --l) {
      const auto& a = job.level[l];
      in[l] = in_, out[l] = out_;
      in_ *= a.size, out_ *= l == lead ? to - from : a.windows ? a.windows : a.size;
    }
    item_out = out_;
  }
  bool holds() const { return planes[0] != nullptr; }  // whether the elements are there
  template <class A>
  const A* plane(int k) const {
    return reinterpret_cast<const A*>(planes[k]);
  }

  // visit(i, its tap) for each element i, of the planes, of the window whose result is number `lane` of the
  // tile.
  template <class Visit>
  void each(Index lane, Visit visit) {
    const Index first = locate(lane) + lane / item_out * pitch;
    if (job.runs) return walk_runs(first, visit);
    walk(lead, first, visit);
  }
  // The result of that window from the elements of x, relative to its own greatest logarithm of a weight.
  bool of_elements(Index lane, double& y) {
    const Index rest = locate(lane);
    return stager->window(item + lane / item_out, at.data(), rest, y);
  }

 private:
  Index locate(Index lane) {
    Index rest = lane % item_out;
    for (int l = lead; l < levels; ++l) at[l] = rest / out[l], rest %= out[l];
    at[lead] += from;
    return rest;
  }

  const anypool_job& job;
  const int lead, levels;
  const Stager* stager;
  const Index item;
  unsigned char* const* planes;
  const Index pitch, base, from;
  Index item_out = 1;
  Array<Index> in, out, at;  // elements and results under each level; the window's index on each

  template <class Visit>
  void walk(int l, Index offset, Visit& visit) {
    if (l == levels) return visit(offset, 1.0);
    const auto& a = job.level[l];
    if (!a.windows) return walk(l + 1, offset + at[l] * in[l], visit);
    const Index first = a.first[at[l]] - (l == lead ? base : 0);
    for (Index i = 0; i < a.length[at[l]]; ++i) walk(l + 1, offset + (first + i * a.step) * in[l], visit);
  }

  // A footprint's elements.
  template <class Visit>
  void walk_runs(Index begin, Visit& visit) {
    for (Index i = 0; i < job.runs; ++i)
      for (Index j = 0; j < job.run[i].length; ++j) {
        Index rest = job.run[i].row, offset = begin;
        bool inside = true;
        for (int l = levels - 1; l >= lead; --l) {
          const auto& a = job.level[l];
          Index p = at[l];
          if (a.windows) {
            const Index place = l == levels - 1 ? job.run[i].first + j : rest % a.places;
            if (l < levels - 1) rest /= a.places;
            p = a.start + p * a.stride + place * a.step;
            inside &= p >= 0 && p < a.size;
          }
          offset += (p - (l == lead ? base : 0)) * in[l];
        }
        if (inside) visit(offset, job.run[i].weight);
      }
  }
};
}  // namespace anypool::ANYPOOL_ISA
