// Batcher's sort as a list of exchanges, for any number of rows.
#pragma once
#include <utility>

#include "simd/scratch.hpp"
#include "simd/words.hpp"

namespace anypool::ANYPOOL_ISA {
using Pairs = Array<std::pair<std::int16_t, std::int16_t>>;

// Batcher's odd-even sort of n rows.
inline Pairs exchanges(Index n) {
  Pairs made;
  for (Index p = 1; p < n; p *= 2)
    for (Index k = p; k >= 1; k /= 2)
      for (Index j = k % p; j + k < n; j += 2 * k)
        for (Index i = 0; i < k; ++i)
          if (i + j + k < n && (i + j) / (2 * p) == (i + j + k) / (2 * p))
            made.emplace_back(i + j, i + j + k);
  return made;
}
}  // namespace anypool::ANYPOOL_ISA
