// Runs a selection network: each instruction takes whole rows of lanes, a vector at a time.
#pragma once
#include "orders.hpp"
#include "orders_words.hpp"

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

template <class T>
struct Machine {
  using V = typename Lanes<T>::V;
  static constexpr Index L = Lanes<T>::n;
  const T* staged;
  T* scratch;
  Index pitch, unit, lanes;  // of a row; lanes from a column to the next; how many to compute

  ANYPOOL_INLINE const T* at(std::int32_t o) const {
    return (o & STAGED ? staged : scratch) + Index((o & (STAGED - 1)) >> 10) * pitch + Index(o & 1023) * unit;
  }
  ANYPOOL_INLINE T* to(std::int32_t o) const { return scratch + Index(o >> 10) * pitch; }

  template <int n>
  void sort(const std::int32_t* a) const {
    const T* p[n];
    T* q[n];
    for (int r = 0; r < n; ++r) p[r] = at(a[r]), q[r] = to(a[n + r]);
    for (Index i = 0; i < lanes; i += L) {
      V v[n];
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) v[r] = Lanes<T>::load(p[r] + i);
      sort_rows<n>(v);
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) Lanes<T>::store(q[r] + i, v[r]);
    }
  }

  // d = min over pairs of max(a, b), four pairs at a time.
  template <int n, bool more>
  void pick_some(const std::int32_t* a, T* d) const {
    const T* p[2 * n];
    for (int r = 0; r < 2 * n; ++r) p[r] = at(a[r]);
    for (Index i = 0; i < lanes; i += L) {
      V v = greater(Lanes<T>::load(p[0] + i), Lanes<T>::load(p[1] + i));
#pragma GCC unroll 8
      for (int r = 1; r < n; ++r) v = lesser(v, greater(Lanes<T>::load(p[2 * r] + i), Lanes<T>::load(p[2 * r + 1] + i)));
      if constexpr (more) v = lesser(v, Lanes<T>::load(d + i));
      Lanes<T>::store(d + i, v);
    }
  }
  template <bool more>
  void pick_few(Index n, const std::int32_t* a, T* d) const {
    switch (n) {
      case 1: return pick_some<1, more>(a, d);
      case 2: return pick_some<2, more>(a, d);
      case 3: return pick_some<3, more>(a, d);
      case 4: return pick_some<4, more>(a, d);
      case 5: return pick_some<5, more>(a, d);
      case 6: return pick_some<6, more>(a, d);
      default: return pick_some<7, more>(a, d);
    }
  }
  // Longer picks fold into a row of their own, since d may be one of the rows that are read.
  void pick(Index n, const std::int32_t* a, T* d, T* spare) const {
    if (n <= 7) return pick_few<false>(n, a, d);
    pick_few<false>(7, a, spare);
    for (Index r = 7; r < n; r += 7) pick_few<true>(std::min<Index>(7, n - r), a + 2 * r, spare);
    std::memcpy(d, spare, lanes * sizeof(T));
  }

  // The longest run of equal ones among n sorted rows, the first of those as long.
  void mode(Index n, const std::int32_t* a, T* d) const {
    using M = decltype(V{} == V{});
    for (Index i = 0; i < lanes; i += L) {
      V before = Lanes<T>::load(at(a[0]) + i), best = before;
      M run = M{} + 1, most = run;
      for (Index r = 1; r < n; ++r) {
        const V v = Lanes<T>::load(at(a[r]) + i);
        run = (run & (v == before)) + 1;
        const M wins = run > most;
        best = wins ? v : best;
        most = wins ? run : most;
        before = v;
      }
      Lanes<T>::store(d + i, best);
    }
  }

  void run(const std::int32_t* code, T* spare) const {
    for (; *code >= 0;) {
      const Do kind = Do(code[0]);
      const std::int32_t n = code[1], *a = code + 2;
      code = a + n + (kind == Do::CE ? 2 : kind == Do::SORT ? n : 1);
      switch (kind) {
        case Do::CE: {
          const T *p = at(a[0]), *q = at(a[1]);
          T *d = to(a[2]), *e = to(a[3]);
          for (Index i = 0; i < lanes; i += L) {
            const V v = Lanes<T>::load(p + i), w = Lanes<T>::load(q + i);
            Lanes<T>::store(d + i, lesser(v, w));
            Lanes<T>::store(e + i, greater(v, w));
          }
          break;
        }
        case Do::MIN: {
          const T *p = at(a[0]), *q = at(a[1]);
          T* d = to(a[2]);
          for (Index i = 0; i < lanes; i += L) Lanes<T>::store(d + i, lesser(Lanes<T>::load(p + i), Lanes<T>::load(q + i)));
          break;
        }
        case Do::MAX: {
          const T *p = at(a[0]), *q = at(a[1]);
          T* d = to(a[2]);
          for (Index i = 0; i < lanes; i += L) Lanes<T>::store(d + i, greater(Lanes<T>::load(p + i), Lanes<T>::load(q + i)));
          break;
        }
        case Do::PICK: pick(n / 2, a, to(a[n]), spare); break;
        case Do::MODE: mode(n, a, to(a[n])); break;
        case Do::SORT:
          switch (n) {
            case 2: sort<2>(a); break;
            case 3: sort<3>(a); break;
            case 4: sort<4>(a); break;
            case 5: sort<5>(a); break;
            case 6: sort<6>(a); break;
            case 7: sort<7>(a); break;
            default: sort<8>(a);
          }
      }
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
