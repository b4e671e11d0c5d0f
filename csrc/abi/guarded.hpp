// What a kernel answers if memory runs out: no exception leaves the C ABI.
#pragma once
#include <new>

#include "abi/job.hpp"

namespace anypool {
template <class Run>
int guarded(Run run) {
  try {
    return run();
  } catch (const std::bad_alloc&) { return NO_MEMORY; }
}
}  // namespace anypool
