// The last two levels of a job at once, where they are alike, small and dense.
#pragma once
#include "abi/job.hpp"
#include "fold/beside.hpp"
#include "fold/division.hpp"
#include "fold/square.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
template <class M, class T>
struct Squares {
  const anypool_level *a = nullptr, *b = nullptr;
  void (*rows)(const Band<T>&) = nullptr;
  Index together = 1, inner;
  bool divides = false;
  Division<T>& division;
  Scratch<T> spare;  // a row of nothing, one for answers that nobody asked for, and columns

  Squares(const anypool_job& job, Division<T>& by) : inner(job.inner), divides(by.serves), division(by) {
    if constexpr (Lanes<T>::n >= 4) {
      if (job.levels < 2 || (inner > 1 && inner < Lanes<T>::n)) return;
      a = job.level + job.levels - 2, b = a + 1;
      switch (square_of(*a, *b)) {
        case square_of(2, 2, 1): of<2, 2, 1>(); break;
        case square_of(3, 2, 1): of<3, 2, 1>(); break;
        case square_of(2, 1, 1): of<2, 1, 1>(); break;
        case square_of(3, 1, 1): of<3, 1, 1>(); break;
        case square_of(3, 1, 2): of<3, 1, 2>(); break;
        case square_of(5, 1, 1): of<5, 1, 1>(); break;
        case square_of(7, 1, 1): of<7, 1, 1>(); break;
        default: break;
      }
      if (rows)
        spare.assign((b->size + b->windows + (inner > 1 ? together * b->places : 0)) * inner, M::nothing);
    }
  }

  // Kernels are compiled for what is benchmarked: float32 throughout; bytes as images are dilated, eroded and
  // counted; doubles, which means of bytes and variances are made of. All others fold level by level.
  static constexpr bool has(int K, int stride, int step) {
    if (std::is_same_v<M, Prod<T>>) return false;
    if (step > 1 || (K == 2 && stride == 1)) return std::is_same_v<T, float>;
    if (std::is_same_v<T, std::uint8_t>) return K <= 5;
    if (std::is_same_v<T, double>) return K <= (std::is_same_v<M, Sum<T>> ? 5 : 3);
    if (std::is_integral_v<T> && sizeof(T) == 8) return K <= 3;  // positions with keys, counts
    return std::is_same_v<T, float>;
  }

  template <int K, int stride, int step>
  void of() {
    constexpr int shared = stride == 1 && step == 1 ? 2 : 1;
    if constexpr (has(K, stride, step)) {
      if (inner > 1) {
        if constexpr (std::is_same_v<T, float> && step == 1 && K <= 5)
          choose<Beside<M, T, K, stride, shared, false>, Beside<M, T, K, stride, shared, true>>();
      } else if (b->start == 0 || (K > 2 && b->start == -(K / 2) * step))
        choose<Square<M, T, K, stride, step, shared, false>, Square<M, T, K, stride, step, shared, true>>();
    }
    together = shared;
  }
  template <class Plain, class Mean>
  void choose() {
    if constexpr (std::is_floating_point_v<T> && !M::idempotent)
      if (divides) return rows = Mean::groups(b->windows), void();
    rows = Plain::groups(b->windows);
  }

  Share<T> share(Index o) {
    if (!divides) return {};
    const auto& t = division.of(o);
    const Index middle = std::min(Lanes<T>::n, b->windows - 1);
    return {t.count.data(), t.share.data(), t.count[middle], t.share[middle]};
  }

  // Windows [from, to) of one item, whose position `base` is at x. Rows after the last window's are not read:
  // a staged block ends there.
  void fold(const T* x, Index base, T* y, Index from, Index to) {
    const Index all = a->places + together - 1, reach = (all - 1) * a->step, apart = together * a->stride;
    const Index end = std::min(a->size, a->start + (to - 1) * a->stride + (a->places - 1) * a->step + 1);
    const auto within = [&](Index o) {
      return o + together <= to && a->start + o * a->stride >= 0 &&
             a->start + o * a->stride + reach < a->size;
    };
    Band<T> band;
    const Index wide = b->size * inner, out = b->windows * inner;
    band.width = b->size, band.windows = b->windows, band.start = b->start, band.inner = inner,
    band.next = apart * wide, band.y_next = together * out, band.scratch = spare.data() + wide + out;
    for (Index o = from; o < to; o += together * band.groups, y += band.groups * band.y_next) {
      const bool both = o + 1 < to;
      for (Index t = 0; t < all; ++t) {
        const Index i = a->start + o * a->stride + t * a->step;
        band.row[t] = i >= 0 && i < end ? x + (i - base) * wide : spare.data();
      }
      band.y[0] = y, band.y[1] = both ? y + out : spare.data() + wide;
      band.by[0] = share(o), band.by[1] = share(both ? o + 1 : o);
      band.groups = 1;
      for (Index next = o + together;
           within(o) && within(next) && (!divides || a->count[next] == a->count[o]); next += together)
        ++band.groups;
      rows(band);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
