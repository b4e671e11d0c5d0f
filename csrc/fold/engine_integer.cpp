// Engines of integers: bytes, and keys of wider ones, which are folded as their greatest alone (folded_type).
#include "fold/engine.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_integer(std::int64_t merge, std::int64_t type, const anypool_job& job) {
  if (type == U8) switch (merge) {
      case SUM: return engine<Sum, std::uint8_t>(job);  // counts of small windows
      case MAX: return engine<Max, std::uint8_t>(job);
      case MIN: return engine<Min, std::uint8_t>(job);
      default: return nullptr;
    }
  if (type == I64) switch (merge) {
      case SUM: return engine<Sum, std::uint64_t>(job);  // signed ones wrap alike
      case PROD: return engine<Prod, std::uint64_t>(job);
      case MAX: return engine<Max, std::int64_t>(job);
      default: return nullptr;
    }
  if (merge != MAX) return nullptr;
  return type == U16   ? engine<Max, std::uint16_t>(job)
         : type == I32 ? engine<Max, std::int32_t>(job)
                       : nullptr;
}
}  // namespace anypool::ANYPOOL_ISA
