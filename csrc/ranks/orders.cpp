// Which element types have order statistics.
#include <new>

#include "abi/job.hpp"
#include "ranks/tiles.hpp"

namespace anypool::ANYPOOL_ISA {
int orders(const anypool_orders& job, const OrdersCut& cut, std::int64_t begin, std::int64_t end);
int orders_direct(const anypool_orders& job, const OrdersCut& cut, Index begin, Index end);

namespace {
template <class S, class K = Keys<S>>
int run(const anypool_orders& job, const OrdersCut& cut, Index begin, Index end) {
  Tiles<S, K> tiles{job, cut};
  for (Index task = begin; task < end && !(cut.bare && tiles.nan); ++task) tiles.task(task);
  return tiles.undefined ? UNDEFINED : tiles.nan ? DECLINED : DONE;
}
}  // namespace

// begin < 0 asks how many rows a tile of a direct network has, 0 where there is none. DECLINED says that x
// holds a NaN: the answers are there, with NaN as the largest number, unless a direct network or bare numbers
// were at work. UNDEFINED: a window holds too few elements, and there is no value for that.
int orders(const anypool_orders& job, const OrdersCut& cut, std::int64_t begin, std::int64_t end) {
  try {
    if (cut.direct || begin < 0) return orders_direct(job, cut, begin, end);
    switch (job.type) {
      case F32: return cut.bare ? run<float, Bare>(job, cut, begin, end) : run<float>(job, cut, begin, end);
      case F64: return run<double>(job, cut, begin, end);
      case F16: return run<Half>(job, cut, begin, end);
      case BF16: return run<Brain>(job, cut, begin, end);
      case U8: return run<std::uint8_t>(job, cut, begin, end);
      case I8: return run<std::int8_t>(job, cut, begin, end);
      case U16: return run<std::uint16_t>(job, cut, begin, end);
      case I16: return run<std::int16_t>(job, cut, begin, end);
      case U32: return run<std::uint32_t>(job, cut, begin, end);
      case I32: return run<std::int32_t>(job, cut, begin, end);
      case U64: return run<std::uint64_t>(job, cut, begin, end);
      default: return run<std::int64_t>(job, cut, begin, end);
    }
  } catch (const std::bad_alloc&) { return NO_MEMORY; }
}
}  // namespace anypool::ANYPOOL_ISA
