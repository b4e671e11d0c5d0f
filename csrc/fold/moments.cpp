// The engine of variances.
#include "fold/moments.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_moments(std::int64_t type, const anypool_job& job) {
  if (type == F32) return new Moments<float>(job);
  return type == F64 ? new Moments<double>(job) : nullptr;
}
}  // namespace anypool::ANYPOOL_ISA
