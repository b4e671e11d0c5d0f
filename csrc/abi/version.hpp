// The version of what the records' fields mean; src/anypool/engines/native/records.py has the same number.
#pragma once
#include <cstdint>

constexpr std::int64_t ANYPOOL_ABI_VERSION = 1;
