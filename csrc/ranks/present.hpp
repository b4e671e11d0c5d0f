// Rows in which elements may be absent: a value that sorts behind every other takes their place, and the
// present elements of each window are counted.
#pragma once
#include <algorithm>

#include "ranks/ends.hpp"
#include "ranks/keys.hpp"

namespace anypool::ANYPOOL_ISA {
template <class S>
struct PresentRows {
  const anypool_orders& job;
  const S last;  // in the place of an absent element
  const anypool_span& columns = job.span[2];
  const Stretch middle{columns};
  const S constant = border<S>(job);
  const bool constant_absent = job.omit && is_nan(constant);
  bool nan = !constant_absent && is_nan(constant);  // an element that is present

  // Elements [begin, begin + n) of a row of x, `inner` lanes each, null for the border's constant: to `to`,
  // and 1 to `has` where one is present.
  void lay(const S* row, Index begin, Index n, Index inner, S* to, std::uint8_t* has) {
    const std::uint8_t* mask = row && job.mask ? job.mask + (row - static_cast<const S*>(job.x)) : nullptr;
    const auto constants = [&](Index from, Index end) {
      std::fill(to + from * inner, to + end * inner, constant_absent ? last : constant);
      std::fill(has + from * inner, has + end * inner, std::uint8_t(!constant_absent));
    };
    if (!row) return constants(0, n);
    const auto run = [&](Index from, Index end, Index real) {  // elements that lie next to each other
      const Index lanes = columns.x_stride == inner ? (end - from) * inner : inner;
      for (Index i = from; i < end; i += lanes / inner, real += lanes / inner) {
        const Index at = real * columns.x_stride;
        present(row + at, mask ? mask + at : nullptr, lanes, to + i * inner, has + i * inner);
      }
    };
    if (!columns.source) return run(0, n, begin);
    const auto side = [&](Index from, Index end) {
      for (Index i = from; i < end; ++i)
        if (const Index real = columns.source[begin + i]; real < 0) constants(i, i + 1);
        else run(i, i + 1, real);
    };
    const Index lo = std::clamp<Index>(middle.from - begin, 0, n), hi = std::clamp(middle.to - begin, lo, n);
    side(0, lo), run(lo, hi, begin + lo - middle.shift), side(hi, n);
  }

  static void add(const std::uint8_t* has, Index n, std::uint8_t* total) {
    each<std::uint8_t>(n, [&](Index i, auto lanes) ANYPOOL_FLAT {
      put(total + i, get(total + i, lanes) + get(has + i, lanes), lanes);
    });
  }
  // From how many elements each position has in the rows of a window to how many each window has, in place.
  // A vector is read at the last one.
  void count(std::uint8_t* total, Index windows, Index inner) const {
    const Index span = columns.step * inner, stride = columns.stride;
    each<std::uint8_t>(((windows - 1) * stride + 1) * inner, [&](Index i, auto lanes) ANYPOOL_FLAT {
      auto sum = get(total + i, lanes);
      for (Index t = 1; t < columns.size; ++t) sum += get(total + i + t * span, lanes);
      put(total + i, sum, lanes);
    });
    if (stride == 1) return;
    Index o = 0;
    if (stride == 2 && inner == 1) {
      using Pairs = Lanes<std::uint16_t>;
      typedef std::uint8_t Bytes __attribute__((vector_size(Pairs::n)));
      for (; o < windows; o += Pairs::n) {
        typename Pairs::V pair;
        std::memcpy(&pair, total + 2 * o, sizeof pair);
        const Bytes first = __builtin_convertvector(pair & 0xff, Bytes);
        std::memcpy(total + o, &first, std::min(Pairs::n, windows - o));
      }
    }
    for (; o < windows; ++o)
      for (Index j = 0; j < inner; ++j) total[o * inner + j] = total[o * stride * inner + j];
  }

 private:
  template <int stride>
  static void add_every(const std::uint8_t* has, Index n, std::uint8_t* held) {
    for (Index o = 0; o < n; ++o) held[o] += has[o * stride];
  }
  // One loop for each kind of absence, so that the compiler makes vectors of it.
  void present(const S* x, const std::uint8_t* mask, Index n, S* to, std::uint8_t* has) {
    if constexpr (Keys<S>::floats)
      if (job.omit)
        return mask ? present<true, true>(x, mask, n, to, has) : present<false, true>(x, mask, n, to, has);
    if (mask) present<true, false>(x, mask, n, to, has);
    else present<false, false>(x, mask, n, to, has);
  }
  template <bool masked, bool omits>
  void present(const S* x, const std::uint8_t* mask, Index n, S* to, std::uint8_t* has) {
    if constexpr (std::is_arithmetic_v<S>) return vectors<masked, omits>(x, mask, n, to, has);
    bool wrong = false;
    for (Index i = 0; i < n; ++i) {
      const bool is = (!masked || mask[i] != 0) && !(omits && is_nan(x[i]));
      if (!omits) wrong |= is && is_nan(x[i]);
      to[i] = is ? x[i] : last, has[i] = is;
    }
    nan |= wrong;
  }
  template <bool masked, bool omits>
  void vectors(const S* x, const std::uint8_t* mask, Index n, S* to, std::uint8_t* has) {
    using L = Lanes<S>;
    using V = typename L::V;
    using I = decltype(V{} == V{});
    typedef std::int8_t Bytes __attribute__((vector_size(L::n)));
    if (n < 2048) {  // short rows, which the hardware does not foresee
      ask<0>(x, 8192, n * Index(sizeof(S)));
      if (masked) ask<0>(mask, 2048, n);
    }
    const V none = L::fill(last);
    I wrong{};
    each<S>(n, [&](Index i, auto lanes) ANYPOOL_FLAT {
      const V v = get(x + i, lanes);
      I is = I{} - 1;
      if constexpr (masked) is = nonzero<S>(mask + i, lanes);
      if constexpr (omits) is &= v == v;
      else if constexpr (std::is_floating_point_v<S>) wrong |= is & (v != v);
      put(to + i, is ? v : none, lanes);
      if constexpr (omits) {
        const Bytes one = __builtin_convertvector(is, Bytes) & 1;
        std::memcpy(has + i, &one, lanes);
      }
    });
    if constexpr (omits) return;
    typedef typename Lanes<std::uint8_t>::V Flags;
    each<std::uint8_t>(n, [&](Index i, auto lanes) ANYPOOL_FLAT {
      put(has + i, masked ? (Flags)(get(mask + i, lanes) != 0) & 1 : Flags{} + 1, lanes);
    });
    nan |= any(wrong);
  }
};
}  // namespace anypool::ANYPOOL_ISA
