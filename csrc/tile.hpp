// One tile after the other: lift, merge, finish, all in cache.
#pragma once
#include <algorithm>
#include <memory>
#include <new>

#include "job.hpp"
#include "merges.hpp"

namespace anypool::ANYPOOL_ISA {
struct Passes;
struct Stager;
struct Finisher;
// Tables filled by the kernels_*.cpp files; null where a product has no meaning.
Passes* make_engine(std::int64_t merge, std::int64_t type, const anypool_job& job);
Stager* make_stager(std::int64_t x_type, std::int64_t plane_type, const anypool_job& job, int lead);
Finisher* make_finisher(std::int64_t plane_type, std::int64_t y_type, const anypool_job& job, int lead);
}  // namespace anypool::ANYPOOL_ISA
