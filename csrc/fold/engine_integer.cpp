// Engines of integers: bytes, keys of wider ones (folded_type), and elements that are folded where they lie.
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
  if (merge != MAX && merge != MIN) return nullptr;
  const bool greatest = merge == MAX;
  switch (type) {  // folded as they lie, or keys
    case U16: return greatest ? engine<Max, std::uint16_t>(job) : engine<Min, std::uint16_t>(job);
    case I16: return greatest ? engine<Max, std::int16_t>(job) : engine<Min, std::int16_t>(job);
    case I32: return greatest ? engine<Max, std::int32_t>(job) : engine<Min, std::int32_t>(job);
    default: return nullptr;
  }
}
}  // namespace anypool::ANYPOOL_ISA
