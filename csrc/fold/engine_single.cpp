// Engines of single precision.
#include "fold/engine.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_single(std::int64_t merge, const anypool_job& job) {
  switch (merge) {
    case SUM: return engine<Sum, float>(job);
    case PROD: return engine<Prod, float>(job);
    case MAX: return engine<Max, float>(job);
    case MIN: return engine<Min, float>(job);
    default: return nullptr;
  }
}
}  // namespace anypool::ANYPOOL_ISA
