// Selected elements: the value of an order key, and the place of a window that has none.
#pragma once
#include <bit>
#include <limits>

#include "abi/job.hpp"
#include "simd/halves.hpp"

namespace anypool::ANYPOOL_ISA {
template <class Y>
void value_of_key(std::int32_t key, std::int32_t flip, Y& y) {
  if constexpr (std::is_integral_v<Y>)
    y = sizeof(Y) == 4 && std::is_unsigned_v<Y> ? Y(std::uint32_t(key ^ flip) ^ 0x80000000u) : Y(key ^ flip);
  else {
    const bool nan = key == std::numeric_limits<std::int32_t>::max();
    key ^= flip;
    const float v = std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff));
    narrow(nan ? std::numeric_limits<float>::quiet_NaN() : v, y);
  }
}

// n windows without an element, from result number `first` on.
inline void blank(const anypool_job& job, Index first, Index n) {
  for (Index j = first; j < first + n; ++j) {
    if (job.place_type == I64) static_cast<std::int64_t*>(job.place)[j] = -1;
    else if (job.place_type == U8) static_cast<std::uint8_t*>(job.place)[j] = 255;
    else static_cast<std::int32_t*>(job.place)[j] = -1;
  }
}
}  // namespace anypool::ANYPOOL_ISA
