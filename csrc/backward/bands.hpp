// A band of one item's windows as a job of its own, so that a single image has work for every thread.
#pragma once
#include <algorithm>
#include <cstdint>

#include "abi/job.hpp"

namespace anypool {
// Some windows of one item, as a job of their own: bands of so many that every other band meets no element of
// another.
struct Band {
  anypool_level level[16];
  anypool_job job;

  Band(const anypool_job& whole, int lead, std::int64_t item, std::int64_t begin, std::int64_t end)
      : job(whole) {
    std::int64_t in = job.inner, out = job.inner;
    for (int l = int(job.levels) - 1; l > lead; --l)
      in *= job.level[l].size, out *= job.level[l].windows ? job.level[l].windows : job.level[l].size;
    const auto& a = whole.level[lead];
    const std::int64_t size = sizes[job.x_type], x = item * in * a.size, y = (item * a.windows + begin) * out;
    std::copy_n(whole.level + lead, job.levels - lead, level);
    level->windows = end - begin, level->first += begin, level->length += begin,
    level->start += begin * a.stride;
    job.level = level, job.levels -= lead;
    const auto moved = [](const void* p, std::int64_t bytes) { return static_cast<const char*>(p) + bytes; };
    job.x = moved(job.x, x * size), job.w = job.w ? moved(job.w, x) : nullptr;
    job.y = const_cast<char*>(moved(job.y, y * size)), job.g = moved(job.g, y * size);
    job.place = const_cast<char*>(moved(job.place, x * (job.x_type == F64 ? 8 : 4)));
  }
};
}  // namespace anypool
