// Small square windows of axes whose positions are vectors of lanes (channels last): a column is folded once,
// and kept near.
#pragma once
#include "fold/band.hpp"
#include "fold/quotient.hpp"

namespace anypool::ANYPOOL_ISA {
// `together` rows of windows of K × K positions; those before and behind a row hold nothing.
template <class M, class T, int K, int stride, int together, bool divides>
struct Beside {
  using L = Lanes<T>;
  using V = typename L::V;
  static constexpr int held = K - stride,
                       renewed = std::min(
                           held,
                           stride);  // columns that the next window shares; those of them that are new to it
  struct Column {
    V v[together];
  };

  template <class Count>
  static ANYPOOL_INLINE Column column(const T* const* row, Index at, Count count) {
    auto load = [&](int t) ANYPOOL_FLAT { return get(row[t] + at, count); };
    V shared = load(together - 1);
#pragma GCC unroll 8
    for (int t = together; t < K; ++t) shared = M::merge(shared, load(t));
    if constexpr (together == 1) return {shared};
    else return {M::merge(load(0), shared), M::merge(shared, load(K))};
  }

  static void rows(const Band<T>& band, const T* const* rows, T* const* results) {
    const Index inner = band.inner;
    const T* row[K + together - 1];
    T *y[together], *kept[held + 1];
    std::copy_n(rows, K + together - 1, row), std::copy_n(results, together, y);
    // A window meets its `stride` new columns one after the other: side by side they were two streams of a
    // page each, and took twice as long.
    auto window = [&](Index i, Index at, auto answers) ANYPOOL_FLAT {
#pragma GCC unroll 2
      for (int s = 0; s < stride; ++s) {
        const bool there = i + s >= 0 && i + s < band.width, keeps = s >= stride - renewed;
        each<T>(inner, [&](Index lane, auto count) ANYPOOL_FLAT {
          Column fresh;
          if (there) fresh = column(row, (i + s) * inner + lane, count);
          else
            for (V& v : fresh.v) v = L::fill(M::nothing);
          for (int p = 0; decltype(answers)::value && p < together; ++p) {
            V v = fresh.v[p];
            if (s > 0) v = M::merge(get(y[p] + at + lane, count), v);
            else if constexpr (held > 0) {
              V before = get(kept[0] + p * inner + lane, count);
#pragma GCC unroll 8
              for (int t = 1; t < held; ++t)
                before = M::merge(before, get(kept[t] + p * inner + lane, count));
              v = M::merge(before, v);
            }
            if constexpr (divides)
              if (s == stride - 1)
                v = quotient(v, L::fill(band.by[p].middle), L::fill(band.by[p].middle_share));
            put(y[p] + at + lane, v, count);
          }
          for (int p = 0; keeps && p < together; ++p)
            put(kept[s - stride + renewed] + p * inner + lane, fresh.v[p], count);
        });
      }
      std::rotate(kept, kept + renewed, kept + held);
    };
    for (Index t = 0; t < held; ++t) kept[t] = band.scratch + t * together * inner;
    // What the first window finds: as if windows had been before it.
    for (Index i = band.start + held - (held + stride - 1) / stride * stride; i < band.start + held;
         i += stride)
      window(i, 0, std::false_type{});
    for (Index o = 0; o < band.windows; ++o)
      window(band.start + held + o * stride, o * inner, std::true_type{});
  }

  static auto groups(Index) { return every; }
  static void every(const Band<T>& band) {
    for (Index g = 0; g < band.groups; ++g) {
      const T* row[K + together - 1];
      T* y[together];
      band.at(g, row, y);
      rows(band, row, y);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
