// Which element types have order statistics.

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "ranks/tiles.hpp"
#include "simd/element_types.hpp"

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
  return guarded([&] {
    if (cut.direct || begin < 0) return orders_direct(job, cut, begin, end);
    if (job.type == F32 && cut.bare) return run<float, Bare>(job, cut, begin, end);
    return with_type(job.type, [&](auto v) { return run<decltype(v)>(job, cut, begin, end); });
  });
}
}  // namespace anypool::ANYPOOL_ISA
