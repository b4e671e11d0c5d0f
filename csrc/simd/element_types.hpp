// The element types of the C ABI as C++ types.
#pragma once
#include "abi/job.hpp"
#include "simd/halves.hpp"

namespace anypool::ANYPOOL_ISA {
// f(a number of the type); a default value for a number that names no type.
template <class F>
auto with_type(std::int64_t type, F f) -> decltype(f(float{})) {
  switch (type) {
    case F32: return f(float{});
    case F64: return f(double{});
    case F16: return f(Half{});
    case BF16: return f(Brain{});
    case U8: return f(std::uint8_t{});
    case I8: return f(std::int8_t{});
    case U16: return f(std::uint16_t{});
    case I16: return f(std::int16_t{});
    case U32: return f(std::uint32_t{});
    case I32: return f(std::int32_t{});
    case U64: return f(std::uint64_t{});
    case I64: return f(std::int64_t{});
    default: return {};
  }
}
}  // namespace anypool::ANYPOOL_ISA
