// Small square windows of rows of lanes: columns are folded in registers and never written.
#pragma once
#include "abi/job.hpp"
#include "fold/band.hpp"
#include "fold/quotient.hpp"

namespace anypool::ANYPOOL_ISA {
// Lanes `off` further on (or back) in a stream of vectors.
template <class T, int off, int... i>
ANYPOOL_INLINE auto shifted(typename Lanes<T>::V before, typename Lanes<T>::V now, typename Lanes<T>::V after,
                            std::integer_sequence<int, i...>) {
  constexpr int n = int(sizeof...(i));
  if constexpr (off == 0) return now;
  else if constexpr (off < 0) return __builtin_shufflevector(before, now, (i + n + off)...);
  else return __builtin_shufflevector(now, after, (i + off)...);
}

template <int... i>
constexpr auto ramp(std::integer_sequence<int, i...>) {
  return Lanes<std::int32_t>::V{i...};
}

// What tells one small square from every other window; 0: it is none.
constexpr Index square_of(Index places, Index stride, Index step) {
  return stride > 2 || step > 2 ? 0 : places * 16 + stride * 4 + step;
}
inline Index square_of(const anypool_level& a, const anypool_level& b) {
  const bool alike = a.windows && b.windows && a.affine && b.affine && a.places == b.places &&
                     a.stride == b.stride && a.step == b.step;
  return alike ? square_of(a.places, a.stride, a.step) : 0;
}

// `together` rows of windows of K × K elements `step` apart, from rows of lanes; the first window begins
// `pad` lanes before the row, or with it: then the kernel takes the row from lane `pad` on.
template <class M, class T, int K, int stride, int step, int together, bool divides>
struct Square {
  using L = Lanes<T>;
  using V = typename L::V;
  static constexpr int reach = (K - 1) * step + 1, pad = K > 2 ? K / 2 * step : 0;
  static constexpr bool ahead = reach - 1 - pad >= stride;  // whether windows see the vector after their own
  struct Streams {
    V v[together][stride];  // lanes 0, stride, 2·stride …; 1, stride + 1 …
  };

  static ANYPOOL_INLINE Streams nothing() {
    Streams made;
    for (auto& v : made.v)
      for (V& s : v) s = L::fill(M::nothing);
    return made;
  }
  // Columns of load(row, lane), folded.
  template <class Load>
  static ANYPOOL_INLINE Streams columns(Load load) {
    V column[stride][together];
#pragma GCC unroll 2
    for (int s = 0; s < stride; ++s) {
      V shared = load(together - 1, s * L::n);
#pragma GCC unroll 8
      for (int t = together; t < K; ++t) shared = M::merge(shared, load(t, s * L::n));
      if constexpr (together == 1) column[s][0] = shared;
      else
        column[s][0] = M::merge(load(0, s * L::n), shared),
        column[s][1] = M::merge(shared, load(K, s * L::n));
    }
    Streams made;
#pragma GCC unroll 2
    for (int p = 0; p < together; ++p) {
      if constexpr (stride == 1) made.v[p][0] = column[0][p];
      else
        made.v[p][0] = every_other<T, 0>(column[0][p], column[1][p]),
        made.v[p][1] = every_other<T, 1>(column[0][p], column[1][p]);
    }
    return made;
  }
  // Columns from lane `at` on of rows of `width`; nothing lies beyond.
  static ANYPOOL_INLINE Streams some_columns(const T* const* row, Index at, Index width) {
    return columns([&](int t, Index i)
                       ANYPOOL_FLAT { return some<M, T>(row[t] + std::min(at + i, width), width - at - i); });
  }
  static Streams any_columns(const T* const* row, Index at, Index width) {
    if (at >= width) return nothing();
    if (at + stride * L::n > width) return some_columns(row, at, width);
    return columns([&](int t, Index i) ANYPOOL_FLAT { return L::load(row[t] + at + i); });
  }
  // The columns before a row that is taken from lane `pad` on.
  static ANYPOOL_INLINE Streams edge(const T* const* row, Index width) {
    return columns([&](int t, Index i) ANYPOOL_FLAT {
      const V none = L::fill(M::nothing);
      if (i != (stride - 1) * L::n) return none;
      return shifted<T, pad - int(L::n)>(none, some<M, T>(row[t], std::min<Index>(pad, width)), none,
                                         std::make_integer_sequence<int, int(L::n)>{});
    });
  }
  template <int... t>
  static ANYPOOL_INLINE V taps(const V* before, const V* now, const V* after,
                               std::integer_sequence<int, t...>) {
    auto tap = [&]<int at>(std::integral_constant<int, at>) ANYPOOL_FLAT {
      constexpr int d = at * step - pad + stride * reach, s = d % stride, off = d / stride - reach;
      return shifted<T, off>(before[s], now[s], after[s], std::make_integer_sequence<int, int(L::n)>{});
    };
    V v = tap(std::integral_constant<int, 0>{});
    ((v = t ? M::merge(v, tap(std::integral_constant<int, t>{})) : v), ...);
    return v;
  }
  // The windows of one vector; `middle`: none of them is at an edge, and all are there.
  template <bool middle>
  static ANYPOOL_INLINE void answer(T* const* y, const Share<T>* by, Index o, Index count,
                                    const Streams& before, const Streams& now, const Streams& after) {
#pragma GCC unroll 2
    for (int p = 0; p < together; ++p) {
      V v = taps(before.v[p], now.v[p], after.v[p], std::make_integer_sequence<int, K>{});
      if constexpr (divides) {
        if constexpr (middle) v = quotient(v, L::fill(by[p].middle), L::fill(by[p].middle_share));
        else v = quotient(v, L::load(by[p].count + o, count), L::load(by[p].share + o, count));
      }
      if constexpr (middle) L::store(y[p] + o, v);
      else L::store(y[p] + o, v, count);
    }
  }

  // One group of any width.
  static ANYPOOL_INLINE void wide(const T* const* rows, T* const* results, Streams before, Index width,
                                  Index windows, const Share<T>* by) {
    const T* row[K + together - 1];  // copies, which no store can change
    T* y[together];
    std::copy_n(rows, K + together - 1, row), std::copy_n(results, together, y);
    auto ask_below = [&](Index o) ANYPOOL_FLAT {  // a line or two a step: asked for at once they wait for
                                                  // each other (5×5/1 58 -> 50 ns a row)
      constexpr Index line = together * stride * stride;
      ask<0>(row[K - 1] + o * line, soon, 64 * line);
      ask<1>(y[0] + o * together, soon / 2, 64 * together);
    };
    auto whole = [&](Index at) ANYPOOL_FLAT {
      return columns([&](int t, Index i) ANYPOOL_FLAT { return L::load(row[t] + at + i); });
    };
    Streams now = any_columns(rows, 0, width);
    constexpr Index far = ahead ? 2 * L::n : L::n;
    const Streams next = ahead ? any_columns(rows, L::n * stride, width) : now;
    ask_below(0);
    answer<false>(y, by, 0, windows, before, now, next);
    before = now, now = next;
    Index o = L::n;
    for (; o + L::n <= windows && (o + far) * stride + reach <= width; o += L::n) {
      ask_below(o);
      if constexpr (ahead) {
        const Streams after = whole((o + L::n) * stride);
        answer<true>(y, by, o, L::n, before, now, after);
        before = now, now = after;
      } else {
        now = whole(o * stride);
        answer<true>(y, by, o, L::n, before, now, now);
        before = now;
      }
    }
    for (; o < windows; o += L::n) {
      ask_below(o);
      if constexpr (!ahead) now = any_columns(rows, o * stride, width);
      const Streams after = ahead ? any_columns(rows, (o + L::n) * stride, width) : now;
      answer<false>(y, by, o, windows - o, before, now, after);
      before = now, now = after;
    }
  }

  // One group of few vectors, without a branch: a row of 20 lanes by 5×5/1 25 -> 14 ns.
  template <int vectors>
  static ANYPOOL_INLINE void brief(const T* const* row, T* const* y, const Streams& before, Index width,
                                   Index windows, const Share<T>* by) {
    Streams all[vectors + 2];
    all[0] = before, all[vectors + 1] = nothing();
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) all[v + 1] = some_columns(row, v * stride * L::n, width);
    if (ahead && width > vectors * stride * L::n)
      all[vectors + 1] = some_columns(row, vectors * stride * L::n, width);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      answer<false>(y, by, v * L::n, v + 1 < vectors ? L::n : windows - v * L::n, all[v], all[v + 1],
                    all[v + 2]);
  }

  // The kernel for rows of so many windows.
  static auto groups(Index windows) {
    if constexpr (ANYPOOL_LANES_BYTES == 64 && (std::is_same_v<T, float> || (sizeof(T) == 1 && K <= 3))) {
      if (windows <= L::n) return every<1>;
      if (windows <= 2 * L::n) return every<2>;
      if (windows <= 3 * L::n) return every<3>;
    }
    return every<0>;
  }
  // `vectors`: how many hold a row of answers; 0: any number.
  template <int vectors>
  static void every(const Band<T>& band) {
    for (Index g = 0; g < band.groups; ++g) {
      const T* row[K + together - 1];
      T* y[together];
      band.at(g, row, y);
      const bool later = pad > 0 && band.start == 0;
      const Streams before = later ? edge(row, band.width) : nothing();
      const Index width = band.width - (later ? pad : 0);
#pragma GCC unroll 8
      for (const T*& r : row) r += later ? pad : 0;
      if constexpr (vectors) {
        ask<0>(row[K - 1], soon, band.next * Index(sizeof(T)));
        ask<1>(y[0], soon / 2, band.y_next * Index(sizeof(T)));
        brief<vectors>(row, y, before, width, band.windows, band.by);
      } else wide(row, y, before, width, band.windows, band.by);
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
