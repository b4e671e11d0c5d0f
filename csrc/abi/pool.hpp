// Threads of our own: safe after fork, safe from many callers at once, idle when not asked.
#pragma once
#include <cstdint>
#include <functional>

namespace anypool {
void set_threads(std::int64_t n);
std::int64_t get_threads();
// work(begin, end) over [0, tasks), split among the threads; a pool that is busy leaves it all to the caller.
void parallel(std::int64_t tasks, std::int64_t threads,
              const std::function<void(std::int64_t, std::int64_t)>& work);
}  // namespace anypool
