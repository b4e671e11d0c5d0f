// The C entry point of order statistics: cut the job into tasks and run them on the threads.
#include "abi/orders.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "abi/job.hpp"
#include "abi/kernels.hpp"
#include "abi/pool.hpp"
#include "abi/sorted.hpp"

namespace anypool {
namespace {
// A direct network has no place for a NaN: the staged rows have.
int finished(int outcome, const OrdersCut& c) { return c.direct && outcome == DECLINED ? AGAIN : outcome; }

OrdersCut cut(const anypool_orders& job) {
  constexpr std::int64_t cache = 65536, vector = 64;
  const auto &planes = job.span[0], &rows = job.span[1], &columns = job.span[2];
  const std::int64_t size = sizes[job.type], phases = job.tile_columns * columns.stride;
  const std::int64_t reach = (job.tile_rows - 1) * rows.stride + (rows.size - 1) * rows.step + 1;
  const std::int64_t all = reach * planes.size * phases + job.scratch;  // rows of lanes that are alive
  const std::int64_t line = vector / size, straight = straight_lines(job.scratch) * line,
                     room = straight - 8 * line;
  const std::int64_t most = room / (1 + 2 * job.reach);  // of lanes at one column
  const std::int64_t some = std::clamp<std::int64_t>(cache / all, 512, 8192) / size,
                     beside = room - 2 * job.reach;
  const std::int64_t lanes =
      beside < line ? some : std::min(some, beside);  // a reach beyond those rows takes longer ones
  OrdersCut c{};
  c.chunk = std::min({job.inner, lanes, std::max(most, line)});
  c.chunks = (job.inner + c.chunk - 1) / c.chunk;
  const std::int64_t tiles = (columns.windows + job.tile_columns - 1) / job.tile_columns;
  c.strips = (tiles * c.chunk + lanes - 1) / lanes;
  c.tiles = (tiles + c.strips - 1) / c.strips;
  c.strips = (tiles + c.tiles - 1) / c.tiles;
  const std::int64_t wide = (c.tiles + job.reach) * c.chunk;
  c.group = c.strips == 1 && c.chunks == 1 ? std::clamp<std::int64_t>(lanes / wide, 1, job.batches) : 1;
  c.groups = (job.batches + c.group - 1) / c.group;
  const std::int64_t down = (rows.windows + job.tile_rows - 1) / job.tile_rows,
                     others = c.groups * planes.windows * c.chunks * c.strips;
  c.bands = std::clamp<std::int64_t>(32 / others, 1, std::max<std::int64_t>(down / 8, 1));
  c.band = (down + c.bands - 1) / c.bands;
  c.bands = (down + c.band - 1) / c.band;
  const std::int64_t full = c.group * wide + 8 * line + job.reach * c.chunk;
  c.pitch = full <= straight ? straight
                             : ((full + line - 1) / line | 1) *
                                   line;  // odd cache lines: rows do not meet in the same sets
  c.tasks = others * c.bands;
  return c;
}
}  // namespace
}  // namespace anypool

extern "C" __attribute__((visibility("default"))) int anypool_forward_orders(
    const anypool_orders* job) noexcept {
  using namespace anypool;
  if (job->words == 0) {
    const auto engine = job->span[1].size == 1 ? kernels().chains : kernels().histogram;
    const std::int64_t count = engine(*job, -1, 0);
    std::atomic<int> said{DONE};
    parallel(count, get_threads(), [&](std::int64_t begin, std::int64_t end) {
      if (const int failed = engine(*job, begin, end))
        if (said != NO_MEMORY) said = failed;
    });
    return said;
  }
  const OrdersKernel run = kernels().orders;
  OrdersCut c = cut(*job);
  if (const int tile =
          job->key ? run(*job, c, -1, 0) : 0) {  // whole rows, in bands of a quarter million elements
    const std::int64_t rows = job->span[1].windows,
                       some =
                           262144 / std::max<std::int64_t>(job->span[2].windows * job->inner * tile, 1) + 1;
    c.direct = 1, c.band = std::min(some * tile, rows), c.bands = (rows + c.band - 1) / c.band;
    c.tasks = job->batches * job->span[0].windows * c.bands;
  }
  const std::int64_t work =
      job->batches * job->inner * job->span[0].windows * job->span[1].windows * job->span[2].windows;
  const std::int64_t threads = work < 8192 ? 1 : get_threads();
  const auto go = [&] {
    if (threads == 1) return run(*job, c, 0, c.tasks);
    std::atomic<int> outcome{DONE};
    parallel(c.tasks, threads, [&](std::int64_t begin, std::int64_t end) {
      if (const int said = run(*job, c, begin, end))
        if (outcome != NO_MEMORY) outcome = said;
    });
    return int(outcome);
  };
  c.bare = job->type == F32 && job->key && !job->terms && !c.direct;
  int outcome = go();
  if (c.bare && outcome == DECLINED) c.bare = 0, outcome = go();
  return finished(outcome, c);
}

// Several jobs of the same array, whose results lie in one: job i writes `offset[i]` bytes behind y.
// DECLINED: the array holds a NaN, which counted as the largest number.
extern "C" __attribute__((visibility("default"))) int anypool_forward_orders_all(
    const anypool_orders* const* jobs, const std::int64_t* offset, std::int64_t count, const void* x,
    void* y) noexcept {
  int outcome = anypool::DONE;
  for (std::int64_t i = 0; i < count; ++i) {
    anypool_orders job = *jobs[i];
    job.x = x, job.y = static_cast<unsigned char*>(y) + offset[i];
    int one = anypool_forward_orders(&job);
    if (one == anypool::AGAIN) job.key = 0, one = anypool_forward_orders(&job);
    if (one == anypool::NO_MEMORY) return one;
    if (one != anypool::DONE) outcome = one;
  }
  return outcome;
}

// Windows as sorted rows, or (spread) the gradients of such rows to the elements.
extern "C" __attribute__((visibility("default"))) int anypool_sort_windows(const anypool_sorted* job,
                                                                           std::int64_t spread) noexcept {
  using namespace anypool;
  const auto run = kernels().sorted;
  const std::int64_t count = spread ? job->rows : run(*job, 0, -1, 0);
  std::atomic<int> outcome{DONE};
  parallel(count, job->count * job->places < 8192 ? 1 : get_threads(),
           [&](std::int64_t begin, std::int64_t end) {
             if (outcome != DONE) return;
             if (const int failed = run(*job, int(spread), begin, end)) outcome = failed;
           });
  return outcome;
}

// Ranks of large windows.
extern "C" __attribute__((visibility("default"))) int anypool_select_ranks(
    const anypool_select* job) noexcept {
  return anypool::kernels().select(*job, anypool::get_threads());
}
