// Runs a selection network: each instruction takes whole rows of lanes, a vector at a time.
#pragma once
#include "abi/orders.hpp"
#include "ranks/words.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
// Rows in registers: Batcher's odd-even sort, unrolled by the compiler.
template <int n, class V>
ANYPOOL_INLINE void sort_rows(V (&v)[n]) {
#pragma GCC unroll 4
  for (int p = 1; p < n; p *= 2)
#pragma GCC unroll 4
    for (int k = p; k >= 1; k /= 2)
#pragma GCC unroll 8
      for (int j = k % p; j + k < n; j += 2 * k)
#pragma GCC unroll 8
        for (int i = 0; i < k; ++i)
          if (i + j + k < n && (i + j) / (2 * p) == (i + j + k) / (2 * p)) {
            V a = v[i + j], b = v[i + j + k];
            v[i + j] = lesser(a, b), v[i + j + k] = greater(a, b);
          }
}

// A program for rows of a known pitch: operands are offsets in lanes, the two lowest bits say from where.
template <class T>
struct Machine {
  using V = typename Lanes<T>::V;
  static constexpr Index L = Lanes<T>::n;
  enum { REGISTER, SCRATCH, INPUT };
  const T* staged = nullptr;
  T *scratch, *registers;
  Index pitch, unit, width, lanes = 0;  // of a row; lanes from a column to the next, in one pass, and in all
  Array<std::int32_t> code;

  // Long programs take more lanes in a pass: reading the instructions is what they cost.
  static Index pass_lanes(const anypool_orders& job) { return (job.words > 12000 ? 8 : 2) * L; }

  Machine(const anypool_orders& job, T* rows, T* file, Index row, Index column)
      : scratch(rows), registers(file), pitch(row), unit(column), width(pass_lanes(job)), code(job.words) {
    for (Index k = 0; k < job.words;) {
      const std::int32_t kind = job.code[k];
      code[k++] = kind;
      if (kind < 0) continue;
      const std::int32_t n = job.code[k];
      code[k++] = n;
      const Index end = k + n + (Do(kind) == Do::CE ? 2 : Do(kind) == Do::SORT ? n : 1);
      for (; k < end; ++k) code[k] = decoded(job.code[k]);
      for (int i = 0; Do(kind) == Do::MODE_BUT && i < 2; ++i, ++k) code[k] = job.code[k];
    }
  }
  std::int32_t decoded(std::int32_t o) const {
    const Index at = (o & (ROW - 1)) >> 10, shift = (o & 1023) * unit;
    if (o & STAGED) return std::int32_t((at * pitch + shift) * 4 + INPUT);
    if (o & ROW) return std::int32_t((at * pitch + shift) * 4 + SCRATCH);
    return std::int32_t(at * width * 4 + REGISTER);
  }
  ANYPOOL_INLINE const T* output(std::int32_t o) const { return scratch + (decoded(o) >> 2); }

  struct Pass {  // where the three kinds of operands lie in this pass
    T* base[3];
    ANYPOOL_INLINE T* at(std::int32_t o) const { return base[o & 3] + (o >> 2); }
    ANYPOOL_INLINE V get(std::int32_t o, Index half) const { return Lanes<T>::load(at(o) + half * L); }
    ANYPOOL_INLINE void put(std::int32_t o, Index half, V v) const { Lanes<T>::store(at(o) + half * L, v); }
  };

  template <int n, int vectors>
  static ANYPOOL_INLINE void sort(const Pass& p, const std::int32_t* a) {
    for (Index half = 0; half < vectors; ++half) {
      V v[n];
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) v[r] = p.get(a[r], half);
      sort_rows<n>(v);
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) p.put(a[n + r], half, v[r]);
    }
  }
  // The longest run of equal ones among n sorted values, the first of those as long; `but`: those of one
  // label do not count.
  template <int vectors, bool but = false>
  static void mode(const Pass& p, Index n, const std::int32_t* a) {
    using M = decltype(V{} == V{});
    const V label = but ? Lanes<T>::fill(T(std::uint64_t(std::uint32_t(a[n + 1])) |
                                           std::uint64_t(std::uint32_t(a[n + 2])) << 32))
                        : V{};
    const auto counts = [&](V v) ANYPOOL_FLAT { return but ? (v != label) & 1 : M{} + 1; };
    for (Index half = 0; half < vectors; ++half) {
      V before = p.get(a[0], half), best = before;
      M run = counts(before), most = run;
      for (Index r = 1; r < n; ++r) {
        const V v = p.get(a[r], half);
        run = (run & (v == before)) + counts(v);
        const M wins = run > most;
        best = wins ? v : best;
        most = wins ? run : most;
        before = v;
      }
      p.put(a[n], half, best);
    }
  }

  // One loop's instructions for one pass; where the next loop's begin.
  template <int vectors>
  static const std::int32_t* pass(const Pass& p, const std::int32_t* c) {
    for (; c[0] >= 0;) {
      const Index n = c[1];
      const std::int32_t* a = c + 2;
      switch (Do(c[0])) {
        case Do::CE:
#pragma GCC unroll 2
          for (Index half = 0; half < vectors; ++half) {
            const V v = p.get(a[0], half), w = p.get(a[1], half);
            p.put(a[2], half, lesser(v, w)), p.put(a[3], half, greater(v, w));
          }
          c += 6;
          break;
        case Do::MIN:
#pragma GCC unroll 2
          for (Index half = 0; half < vectors; ++half)
            p.put(a[2], half, lesser(p.get(a[0], half), p.get(a[1], half)));
          c += 5;
          break;
        case Do::MAX:
#pragma GCC unroll 2
          for (Index half = 0; half < vectors; ++half)
            p.put(a[2], half, greater(p.get(a[0], half), p.get(a[1], half)));
          c += 5;
          break;
        case Do::PICK:
          for (Index half = 0; half < vectors; half += 2) {
            V v = greater(p.get(a[0], half), p.get(a[1], half)),
              w = greater(p.get(a[0], half + 1), p.get(a[1], half + 1));
            for (Index r = 2; r < n; r += 2) {
              v = lesser(v, greater(p.get(a[r], half), p.get(a[r + 1], half)));
              w = lesser(w, greater(p.get(a[r], half + 1), p.get(a[r + 1], half + 1)));
            }
            p.put(a[n], half, v), p.put(a[n], half + 1, w);
          }
          c += n + 3;
          break;
        case Do::MODE:
          mode<vectors>(p, n, a);
          c += n + 3;
          break;
        case Do::MODE_BUT:
          mode<vectors, true>(p, n, a);
          c += n + 5;
          break;
        case Do::SORT:
          switch (n) {
            case 2: sort<2, vectors>(p, a); break;
            case 3: sort<3, vectors>(p, a); break;
            case 4: sort<4, vectors>(p, a); break;
            case 5: sort<5, vectors>(p, a); break;
            case 6: sort<6, vectors>(p, a); break;
            case 7: sort<7, vectors>(p, a); break;
            default: sort<8, vectors>(p, a);
          }
          c += 2 * n + 2;
      }
    }
    return c;
  }

  void run() const {
    const std::int32_t* begin = code.data();
    for (;;) {
      const std::int32_t* end = begin;
      for (Index i = 0; i < lanes; i += width) {
        const Pass here{{registers, scratch + i, const_cast<T*>(staged) + i}};
        end = width == 2 * L ? pass<2>(here, begin) : pass<8>(here, begin);
      }
      if (*end != NEXT_LOOP) return;
      begin = end + 1;
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
