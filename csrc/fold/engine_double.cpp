// Engines of double precision.
#include "fold/engine.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_double(std::int64_t merge, const anypool_job& job) {
  switch (merge) {
    case SUM: return engine<Sum, double>(job);
    case PROD: return engine<Prod, double>(job);
    case MAX: return engine<Max, double>(job);
    case MIN: return engine<Min, double>(job);
    default: return nullptr;
  }
}
}  // namespace anypool::ANYPOOL_ISA
