// Windows sorted whole: which element types there are, and what a task is.

#include "abi/guarded.hpp"
#include "ranks/sorter.hpp"
#include "simd/element_types.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
template <class T, class V>
int tasks(const anypool_sorted& job, SortedType<T, V> type, int spread, Index begin, Index end) {
  using Some = Sorter<T, V>;
  constexpr Index lanes = Some::L::n;
  if (begin < 0) return int((job.count + lanes - 1) / lanes);  // how many tasks there are
  if (spread) {  // a task is a row: what windows of different rows give meets nowhere
    if constexpr (!std::is_floating_point_v<V>) return DECLINED;
    else {
      Some all(job, type, 0, 0);
      Array<Index> offset;
      const Index per = all.window.per;
      for (Index k = std::max(begin * per - job.begin, Index(0));
           k < std::min(end * per - job.begin, job.count); ++k)
        all.give(k, offset);
      return DONE;
    }
  }
  Some all(job, type, begin * lanes, std::min(end * lanes, job.count));
  for (Index b = begin * lanes; b < std::min(end * lanes, job.count); b += lanes)
    all.block(b, std::min(lanes, job.count - b));
  return DONE;
}
template <class S>
int tasks(const anypool_sorted& job, int spread, Index begin, Index end) {
  return tasks(job, SortedElements<S>::type(), spread, begin, end);
}
}  // namespace

int sorted(const anypool_sorted& job, int spread, Index begin, Index end);
int sorted(const anypool_sorted& job, int spread, Index begin, Index end) {
  return guarded([&] {
    return with_type(job.type, [&](auto v) { return tasks<decltype(v)>(job, spread, begin, end); });
  });
}
}  // namespace anypool::ANYPOOL_ISA
