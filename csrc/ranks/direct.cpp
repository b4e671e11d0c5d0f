// Generated networks that read x itself.
#include "abi/job.hpp"
#include "ranks/sparse.hpp"

namespace anypool::ANYPOOL_ISA {
#include "networks_direct.inc"

// Whether a generated network serves the job (begin < 0), or its tasks; DECLINED where x holds a NaN.
int orders_direct(const anypool_orders& job, const OrdersCut& cut, Index begin, Index end);

namespace {
// A local object of the caller's own, so that what it holds stays in registers: 3x3 of bytes 0.72 -> 0.2 ms.
template <class D>
ANYPOOL_INLINE int tasks(D& direct, const anypool_orders& job, const OrdersCut& cut, Index begin, Index end) {
  if (begin < 0) return direct.serves() ? direct.tile : 0;
  direct.prepare();
  for (Index task = begin; task < end; ++task) {
    const Index band = task % cut.bands, rest = task / cut.bands, plane = rest % job.span[0].windows;
    direct.band(rest / job.span[0].windows, plane, band * cut.band,
                std::min((band + 1) * cut.band, job.span[1].windows));
  }
  return direct.outcome();
}

// What is benchmarked: float32 throughout, medians of other numbers, all ranks of bytes, votes on labels; of
// windows that lack elements, float32 and bytes. The staged networks serve all others.
template <class S, class N>
constexpr bool reads = N::votes ? std::is_same_v<S, std::uint8_t> || (std::is_integral_v<S> && sizeof(S) == 4)
                                : std::is_same_v<S, float> || (std::is_same_v<S, double> && N::middle) ||
                                      (std::is_same_v<S, std::uint8_t> && N::ranks == 1) ||
                                      (std::is_same_v<S, std::uint16_t> && N::ranks == 1 && N::middle);

template <class S>
int run(const anypool_orders& job, const OrdersCut& cut, Index begin, Index end) {
  return with_direct(job.key, [&](auto network) -> int {
    using N = decltype(network);
    if constexpr (N::ranks > 2) {
      if constexpr (std::is_same_v<S, float> || std::is_same_v<S, std::uint8_t>) {
        Sparse<S, N> sparse{job};
        return tasks(sparse, job, cut, begin, end);
      }
    } else if constexpr (reads<S, N>) {
      Direct<S, N> direct{job};
      return tasks(direct, job, cut, begin, end);
    }
    return 0;
  });
}
}  // namespace

int orders_direct(const anypool_orders& job, const OrdersCut& cut, Index begin, Index end) {
  switch (job.type) {
    case F32: return run<float>(job, cut, begin, end);
    case F64: return run<double>(job, cut, begin, end);
    case U8: return run<std::uint8_t>(job, cut, begin, end);
    case U16: return run<std::uint16_t>(job, cut, begin, end);
    case I16: return run<std::int16_t>(job, cut, begin, end);
    case U32: return run<std::uint32_t>(job, cut, begin, end);
    case I32: return run<std::int32_t>(job, cut, begin, end);
    default: return 0;
  }
}
}  // namespace anypool::ANYPOOL_ISA
