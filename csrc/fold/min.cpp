// Engines that keep the smallest.
#include "fold/engine.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_min(std::int64_t type, const anypool_job& job);
Passes* make_min(std::int64_t type, const anypool_job& job) {
  switch (type) {
    case F32: return engine<Min, float>(job);
    case F64: return engine<Min, double>(job);
    case U8: return engine<Min, std::uint8_t>(job);
    case I8: return engine<Min, std::int8_t>(job);
    case U16: return engine<Min, std::uint16_t>(job);
    case I16: return engine<Min, std::int16_t>(job);
    case U32: return engine<Min, std::uint32_t>(job);
    case I32: return engine<Min, std::int32_t>(job);
    case U64: return engine<Min, std::uint64_t>(job);
    case I64: return engine<Min, std::int64_t>(job);
    default: return nullptr;
  }
}
}  // namespace anypool::ANYPOOL_ISA
