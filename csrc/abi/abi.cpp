// The C ABI: run a job on the threads.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "abi/job.hpp"
#include "abi/kernels.hpp"
#include "abi/lists.hpp"
#include "abi/pool.hpp"
#include "abi/weighted.hpp"
#include "backward/bands.hpp"

namespace anypool {
Cut cut(const anypool_job& job) {
  constexpr std::int64_t small = 16384, large = 131072;  // bytes: a tile of many items, a tile that is lifted
  Cut c{0, 1, 1, 0, 1};
  while (!job.level[c.lead].windows) c.items *= job.level[c.lead++].size;
  const auto& a = job.level[c.lead];
  std::int64_t in = job.inner, out = job.inner;
  for (std::int64_t l = job.levels - 1; l > c.lead; --l)
    in *= job.level[l].size, out *= job.level[l].windows ? job.level[l].windows : job.level[l].size;
  const std::int64_t width = sizes[job.plane_type] * planes_of(job),
                     windows = std::max<std::int64_t>(a.windows, 1);
  const std::int64_t row_in = std::max<std::int64_t>(in * width, 1),
                     row_out = std::max<std::int64_t>(out * width, 1);
  const std::int64_t item = std::max(row_in * a.size, row_out * windows);
  c.chunk = windows;
  if (item <= small) {
    c.group = std::clamp<std::int64_t>(small / item, 1, std::max<std::int64_t>(c.items / 16, 1));
    return c;
  }
  if (!is_staged(job) && windows == 1 && job.inner == 1) {  // whole rows are folded side by side
    c.group = std::clamp<std::int64_t>(c.items / 16, 1, 8);
    return c;
  }
  const bool through = is_staged(job) || job.finish != PLAIN || job.plane_type != job.y_type;
  if (through) {  // what is lifted and what is folded stays in the second-level cache
    const std::int64_t apart = a.affine ? std::max<std::int64_t>(a.stride, 1)
                                        : std::max<std::int64_t>(a.size / windows, 1),
                       reach = a.affine ? a.places * a.step : apart;
    const std::int64_t fit = std::min((large / row_in - reach) / apart + 1, large / row_out);
    c.chunk = std::clamp<std::int64_t>(std::max(fit, 2 * reach / apart), 1, windows);
  }
  if (c.items < 16)
    c.chunk =
        std::min(c.chunk, std::max<std::int64_t>((windows * c.items + 31) / 32, 8));  // work for every thread
  c.parts = (windows + c.chunk - 1) / c.chunk;
  return c;
}
std::int64_t tiles(const anypool_job& job) {
  const Cut c = cut(job);
  return (c.items + c.group - 1) / c.group * c.parts;
}
}  // namespace anypool

#define ANYPOOL_EXPORT extern "C" __attribute__((visibility("default")))

namespace anypool {
int run(Kernel kernel, const anypool_job& job, std::int64_t count) {
  std::int64_t work = job.inner;
  for (int l = 0; l < job.levels; ++l) work *= std::max(job.level[l].size, job.level[l].windows);
  const std::int64_t threads = work < 65536 ? 1 : job.threads > 0 ? job.threads : get_threads();
  if (threads == 1) return kernel(job, 0, count);
  std::atomic<int> outcome{DONE};
  parallel(count, threads, [&](std::int64_t begin, std::int64_t end) {
    if (outcome != DONE) return;
    if (const int failed = kernel(job, begin, end)) outcome = failed;
  });
  return outcome;
}
}  // namespace anypool

ANYPOOL_EXPORT int anypool_forward(const anypool_job* job, const void* x, const void* w, void* y,
                                   void* place) noexcept {
  anypool_job call = *job;
  call.x = x, call.w = w, call.y = y, call.place = place;
  return anypool::run(anypool::kernels().forward, call, anypool::tiles(call));
}
// Several folds of one array: they go through it side by side, so that memory is read once.
ANYPOOL_EXPORT int anypool_forward_all(const anypool_job* jobs, std::int64_t n) noexcept {
  std::int64_t steps = 1;
  for (std::int64_t i = 0; i < n; ++i) steps = std::max(steps, anypool::tiles(jobs[i]));
  const auto forward = anypool::kernels().forward;
  std::int64_t work = jobs->inner;
  for (int l = 0; l < jobs->levels; ++l) work *= std::max(jobs->level[l].size, jobs->level[l].windows);
  const std::int64_t threads = work < 65536 ? 1 : anypool::get_threads();
  std::atomic<int> outcome{anypool::DONE};
  anypool::parallel(steps, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s)
      for (std::int64_t i = 0; i < n && outcome == anypool::DONE; ++i) {
        const std::int64_t count = anypool::tiles(jobs[i]);
        if (const int failed = forward(jobs[i], s * count / steps, (s + 1) * count / steps)) outcome = failed;
      }
  });
  return outcome;
}
// The gradient of a selection: x holds the windows' gradients, w their places, y takes the elements'
// gradients.
ANYPOOL_EXPORT int anypool_places(const anypool_job* given, const void* g, const void* place,
                                  void* y) noexcept {
  anypool_job call = *given;
  call.x = g, call.w = place, call.y = y;
  const anypool_job* job = &call;
  std::int64_t items = 1;
  for (int l = 0; !job->level[l].windows; ++l) items *= job->level[l].size;
  return anypool::run(anypool::kernels().places, *job, items);
}
// Of selected values: x and y the elements and the values, w a mask or null, gx takes the elements' gradients
// in addition.
ANYPOOL_EXPORT int anypool_owners(const anypool_job* given, const void* x, const void* mask, const void* y,
                                  const void* g, void* gx) noexcept {
  using namespace anypool;
  anypool_job call = *given;
  call.x = x, call.w = mask, call.y = const_cast<void*>(y), call.g = g, call.place = gx;
  std::int64_t items = 1;
  int lead = 0;
  for (; !call.level[lead].windows; ++lead) items *= call.level[lead].size;
  const auto& a = call.level[lead];
  const std::int64_t apart = a.affine && a.stride > 0 ? (a.places - 1) * a.step / a.stride + 1 : a.windows;
  const std::int64_t band = std::max<std::int64_t>(apart, (a.windows + 31) / 32),
                     bands = (a.windows + band - 1) / band;
  if (items >= 16 || bands < 4 || call.levels - lead > 16) return run(kernels().owners, call, items);
  std::atomic<int> outcome{DONE};
  for (int odd = 0; odd < 2; ++odd) {  // fixed by the shape alone, so that sums do not depend on the threads
    const std::int64_t turn = (bands + 1 - odd) / 2;
    parallel(items * turn, get_threads(), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end && outcome == DONE; ++t) {
        const std::int64_t o = (t % turn * 2 + odd) * band;
        const Band some(call, lead, t / turn, o, std::min(o + band, a.windows));
        if (const int failed = kernels().owners(some.job, 0, 1)) outcome = failed;
      }
    });
  }
  return outcome;
}
// Where they lie: position takes each one's flat position in the pooled axes, -1 where there is none.
ANYPOOL_EXPORT int anypool_find(const anypool_job* given, const void* x, const void* mask, const void* y,
                                void* position) noexcept {
  anypool_job call = *given;
  call.x = x, call.w = mask, call.y = const_cast<void*>(y), call.place = position;
  const auto find = anypool::kernels().find;
  return anypool::run(find, call, find(call, -1, 0));
}
// The gradients of a weighted sum or mean, item by item.
ANYPOOL_EXPORT int anypool_weighted_run(const anypool_weighted* job) noexcept {
  using namespace anypool;
  const auto kernel = kernels().weighted;
  std::atomic<int> outcome{DONE};
  parallel(job->items, get_threads(), [&](std::int64_t begin, std::int64_t end) {
    if (outcome != DONE) return;
    if (const int failed = kernel(*job, begin, end)) outcome = failed;
  });
  return outcome;
}
// Those of rows of lanes with one weight each: y the means, g their gradients; gx and gw take the gradients.
ANYPOOL_EXPORT int anypool_weighted_rows(const anypool_job* job, const void* x, const void* w, const void* y,
                                         const void* g, void* gx, void* gw) noexcept {
  using namespace anypool;
  anypool_job call = *job;
  call.x = x, call.w = w, call.y = const_cast<void*>(y), call.g = g, call.place = gx;
  const auto kernel = kernels().weighted_rows;
  std::int64_t items = 1;
  for (int l = 0; !call.level[l].windows; ++l) items *= call.level[l].size;
  std::atomic<int> outcome{DONE};
  parallel(items, get_threads(), [&](std::int64_t begin, std::int64_t end) {
    if (outcome != DONE) return;
    if (const int failed = kernel(call, gw, begin, end)) outcome = failed;
  });
  return outcome;
}
// Windows that list their elements: a fold (way 0), or the gradient of a sum (1) or of a selection (2).
ANYPOOL_EXPORT int anypool_lists_run(const anypool_lists* job, std::int64_t way, const void* x, void* y,
                                     void* place) noexcept {
  anypool_lists call = *job;
  call.x = x, call.y = y, call.place = place;
  const auto kernel = anypool::kernels().lists;
  const std::int64_t count = kernel(call, int(way), -1, 0);
  std::atomic<int> outcome{anypool::DONE};
  anypool::parallel(count, anypool::get_threads(), [&](std::int64_t begin, std::int64_t end) {
    if (outcome != anypool::DONE) return;
    if (const int failed = kernel(call, int(way), begin, end)) outcome = failed;
  });
  return outcome;
}
// The gradient of such a sum for the lists' weights: x the elements, g the windows' gradients, null where
// none is wanted.
ANYPOOL_EXPORT int anypool_lists_weights(const anypool_lists* job, const void* x, const void* g,
                                         double* first, double* second, double* third) noexcept {
  anypool_lists call = *job;
  call.x = x, call.y = const_cast<void*>(g);
  double* const to[3] = {first, second, third};
  const auto kernel = anypool::kernels().list_weights;
  std::atomic<int> outcome{anypool::DONE};
  anypool::parallel(call.begin[call.images], anypool::get_threads(),
                    [&](std::int64_t begin, std::int64_t end) {
                      if (const int failed = kernel(call, to, begin, end)) outcome = failed;
                    });
  return outcome;
}
// An order statistic of such windows.
ANYPOOL_EXPORT int anypool_lists_order(const anypool_list_orders* job, const void* x, void* y) noexcept {
  anypool_list_orders call = *job;
  call.lists.x = x, call.lists.y = y;
  const auto kernel = anypool::kernels().list_orders;
  const std::int64_t count = kernel(call, -1, 0);
  std::atomic<int> outcome{anypool::DONE};
  anypool::parallel(count, anypool::get_threads(), [&](std::int64_t begin, std::int64_t end) {
    if (outcome != anypool::DONE) return;
    if (const int failed = kernel(call, begin, end)) outcome = failed;
  });
  return outcome;
}
// Positions window by window, in their order; `next` says where each window's begin, and moves on.
ANYPOOL_EXPORT void anypool_lists_sort(const std::int64_t* owner, std::int64_t positions, std::int64_t* next,
                                       std::int64_t* index) noexcept {
  for (std::int64_t p = 0; p < positions; ++p) {
    if (const std::int64_t ahead = owner[std::min(p + 24, positions - 1)]; ahead >= 0)
      __builtin_prefetch(next + ahead, 1);
    if (owner[p] >= 0) index[next[owner[p]]++] = p;
  }
}
ANYPOOL_EXPORT const char* anypool_isa() noexcept { return anypool::kernels().name; }
ANYPOOL_EXPORT void anypool_set_threads(std::int64_t n) noexcept { anypool::set_threads(n); }
ANYPOOL_EXPORT std::int64_t anypool_get_threads() noexcept { return anypool::get_threads(); }
