// Engines that add and multiply.
#include "fold/engine.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_adder(std::int64_t merge, std::int64_t type, const anypool_job& job);
Passes* make_adder(std::int64_t merge, std::int64_t type, const anypool_job& job) {
  switch (type) {
    case F32: return merge == SUM ? engine<Sum, float>(job) : engine<Prod, float>(job);
    case F64: return merge == SUM ? engine<Sum, double>(job) : engine<Prod, double>(job);
    case U8: return engine<Sum, std::uint8_t>(job);  // counts of small windows
    case U64:
    case I64:
      return merge == SUM ? engine<Sum, std::uint64_t>(job)
                          : engine<Prod, std::uint64_t>(job);  // they wrap alike
    default: return nullptr;
  }
}
}  // namespace anypool::ANYPOOL_ISA
