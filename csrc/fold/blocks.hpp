// Windows of many rows that overlap: van Herk's blocks of rows.
#pragma once
#include "abi/job.hpp"
#include "fold/rows.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// Blocks of k rows: suffix folds of a block meet prefix folds of the next; at most three merges an element.
// Rows `step` apart are a column of their own: one walk for each residue.
// Every `height` windows, done(o, h) takes them over.
template <class M, class T, class Done>
void van_herk(const anypool_level& a, Index w, Scratch<T>& suffix, const T* x, T* y, Index pitch, Index from,
              Index to, bool raw, Index height, Done done) {
  const Index k = a.places;
  T* buffer = room(suffix, (k + 2) * w, M::nothing);
  Array<const T*> at(k);
  auto place = [&](Index i) { return a.start + i; };  // positions may lie beyond the ends: nothing is there
  auto start = [&](Index o) { return o * a.stride; };
  auto real = [&](Index i) { return place(i) >= 0 && place(i) < a.size; };
  for (Index residue = 0; residue < a.step; ++residue) {
    Index o = from;
    while (o < to) {
      while (o < to && start(o) % a.step != residue) ++o;
      if (o >= to) break;
      const Index base = start(o), reach = base + k * a.step;
      const T* below = nullptr;
      for (Index i = k - 1; i >= 0; --i) {
        if (real(base + i * a.step)) {
          const T* here = x + place(base + i * a.step) * w;
          if (!below) below = here;
          else fold_rows<M, T, true>(here, below, Known<1>{}, 0, buffer + i * w, w), below = buffer + i * w;
        }
        at[i] = below;
      }
      const T* prefix = nullptr;
      Index seen = reach;
      T* spare[2] = {buffer + k * w, buffer + (k + 1) * w};
      int turn = 0;
      for (; o < to && start(o) < reach; ++o) {
        if (start(o) % a.step != residue) continue;
        for (; seen < start(o) + k * a.step; seen += a.step) {
          if (!real(seen)) continue;
          if (raw) ask<0>(x + place(seen) * w, 8192, w * Index(sizeof(T)));
          const T* here = x + place(seen) * w;
          if (!prefix) prefix = here;
          else
            fold_rows<M, T, true>(prefix, here, Known<1>{}, 0, spare[turn], w), prefix = spare[turn],
                                                                                turn ^= 1;
        }
        const T* above = at[(start(o) - base) / a.step];
        const Index slot = (o - from) % height;
        T* dst = y + slot * pitch;
        if (above && prefix) fold_rows<M, T, true>(above, prefix, Known<1>{}, 0, dst, w);
        else if (above || prefix) std::copy_n(above ? above : prefix, w, dst);
        else std::fill(dst, dst + w, M::nothing);
        if (a.step == 1 && (slot == height - 1 || o == to - 1)) done(o - slot, slot + 1);
      }
    }
  }
  if (a.step > 1) done(from, to - from);
}
}  // namespace anypool::ANYPOOL_ISA
