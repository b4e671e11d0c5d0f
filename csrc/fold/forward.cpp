// The driver of every fold: this instruction set's entry in the table.
#include <optional>
#include <tuple>

#include "abi/guarded.hpp"
#include "fold/chosen.hpp"
#include "fold/engine.hpp"
#include "fold/finish.hpp"
#include "fold/parts.hpp"
#include "fold/pieces.hpp"
#include "fold/scaled_rows.hpp"
#include "fold/stage.hpp"
#include "fold/tile.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index most_scratch = Index(1) << 28;  // bytes of one tile
constexpr Index large = Index(1) << 22;         // bytes of a tile that is folded in pieces, if it can be

// From the first element that windows [from, to) hold to after the last one; (size, 0) where they hold none.
std::pair<Index, Index> seen(const anypool_level& a, Index from, Index to) {
  Index low = a.size, high = 0;
  for (Index o = from; o < to; ++o)
    if (a.length[o])
      low = std::min(low, a.first[o]), high = std::max(high, a.first[o] + (a.length[o] - 1) * a.step + 1);
  return {low, high};
}

int staged(const anypool_job& job, Index begin, Index end) {
  const Cut c = cut(job);
  const int levels = int(job.levels), lead = c.lead;
  const auto& a = job.level[lead];
  Index in = job.inner, out = job.inner;
  for (int l = levels - 1; l > lead; --l)
    in *= job.level[l].size, out *= job.level[l].windows ? job.level[l].windows : job.level[l].size;
  const Index item_in = in * a.size, item_out = out * a.windows, width = sizes[job.plane_type];
  const int count = planes_of(job);
  const bool in_place = job.y && job.plane_type == job.y_type && job.merge1 < 0 &&
                        (job.finish == PLAIN || job.finish == DIVIDE || job.merge0 == MOMENTS);
  const bool counted = counts_places(job);  // the plane of weights is not lifted
  const auto lifts_plane = [&](int k) { return has_plane(job, k) && !(k == 2 && counted); };
  std::unique_ptr<Passes> engine[most_planes];
  for (int k = 0; k < most_planes; ++k)
    if (has_plane(job, k)) {
      engine[k].reset(k == 2 && counted ? make_counts(folded_type[job.plane_type], job)
                                        : make_engine(folded_merge(job, k), engine_type(job), job));
      if (!engine[k]) return DECLINED;
    }
  std::unique_ptr<Stager> stager;
  std::unique_ptr<Finisher> finisher(make_finisher(folded_type[job.plane_type], job, lead));
  const bool lifts_x = is_staged(job);
  if (lifts_x) stager.reset(make_stager(folded_type[job.plane_type], job, lead));
  if (!finisher || (lifts_x && !stager)) return DECLINED;
  const bool differs =
      job.finish != PLAIN || job.plane_type != job.y_type || job.weighting || key_of(job, 0) != 0;
  const auto declined = [&] { return stager && stager->invalid ? INVALID_WEIGHT : DECLINED; };
  const bool finished = differs && !engine[0]->divides();
  // The value of an empty window is the identity element: no window needs it written.
  const bool empty_is_identity = job.merge0 == SUM && count == 1 && job.finish == PLAIN && job.empty == 0;
  bool below = false;  // whether windows of the levels under the lead hold nothing
  for (int l = 0; l < levels; ++l)
    for (Index o = 0; l != lead && o < job.level[l].windows; ++o) below |= !job.level[l].length[o];
  Scratch<unsigned char> lifted[most_planes], folded[most_planes];  // of each plane
  for (Index tile = begin; tile < end; ++tile) {
    const Index item = tile / c.parts * c.group, items = std::min(c.group, c.items - item);
    const Index from = tile % c.parts * c.chunk, to = std::min(from + c.chunk, a.windows);
    if (from >= to) continue;
    Index base = 0;
    const unsigned char* planes[most_planes] = {};
    unsigned char* lifts[most_planes] = {};  // the same, where they are scratch
    Index pitch = item_in;
    Pivot pivot;
    std::unique_ptr<Pieces> pieces;
    const Index results = (to - from) * out, offset = item * item_out + from * out;
    if (!lifts_x) {
      planes[0] = static_cast<const unsigned char*>(job.x) + item * item_in * width;
      if (job.merge1 >= 0) planes[1] = planes[0];
    } else {
      Index stop = 0;
      std::tie(base, stop) = seen(a, from, to);
      if (a.affine) {  // rows are read from the first window's start, even where nothing of it is present
        base = std::clamp<Index>(a.start + from * a.stride, 0, a.size);
        stop = std::clamp<Index>(a.start + (to - 1) * a.stride + (a.places - 1) * a.step + 1, base, a.size);
      }
      stop = std::max(stop, base = std::min(base, stop));
      pitch = (stop - base) * in;
      const Index bytes = pitch * items * width;
      if (bytes * count > large && items == 1) {
        if (Parts parts(job, lead, item, from, to); parts.serve()) {
          if (const int failed =
                  parts.run([](const anypool_job& part) { return staged(part, 0, tiles(part)); }))
            return failed;
          continue;
        }
        if (!job.runs) pieces.reset(new Pieces(job, lead, *stager, width, from, to, base, stop));
        if (pieces && !pieces->serve()) pieces.reset();
      }
      if (!pieces) {
        if (bytes * count > most_scratch) return DECLINED;
        for (int k = 0; k < most_planes; ++k)
          if (lifts_plane(k)) planes[k] = lifts[k] = room(lifted[k], bytes);
        if (!stager->tile(item, items, base, stop, lifts, pivot)) return declined();
      }
    }
    const bool gaps = !empty_is_identity && (below || std::count(a.length + from, a.length + to, 0) > 0);
    const bool spreads = pieces && job.merge0 == MOMENTS;  // joined by means, which take a plane beside them
    const auto folds_of = [&](int k) { return has_plane(job, k) || (k == 1 && spreads); };
    unsigned char* folds[most_planes] = {};
    if (!in_place || spreads || job.weighting) {
      const Index bytes = results * items * width;
      if (bytes * (count + spreads) > most_scratch) {
        if (Parts parts(job, lead, item, from, to); items > 1 || !parts.serve()) return DECLINED;
        else if (const int failed =
                     parts.run([](const anypool_job& part) { return staged(part, 0, tiles(part)); }))
          return failed;
        continue;
      }
      for (int k = 0; k < most_planes; ++k)
        if (folds_of(k) && !(k == 0 && in_place)) folds[k] = room(folded[k], bytes);
    }
    if (in_place) folds[0] = static_cast<unsigned char*>(job.y) + offset * width;
    if (pieces) {
      if (!pieces->fold(item, folds, pivot)) return declined();
    } else
      for (int k = 0; k < most_planes; ++k)
        if (engine[k]) engine[k]->run(lead, planes[k], pitch, items, base, folds[k], results, from, to);
    if (spreads) folds[1] = nullptr;
    std::optional<Lifted> elements;
    if (job.logs || (lifts[0] && job.weighting && (job.finish == VAR || job.finish == STD)))
      elements.emplace(job, lead, stager.get(), item, lifts, pitch, base, from, to);
    Lifted* again = elements ? &*elements : nullptr;
    if (pieces && (differs || gaps)) {
      if (!finisher->tile(folds, again, 1, from, to, base, offset, pivot) && !pieces->vouched())
        return DECLINED;
    } else if (!pieces && (finished || gaps) &&
               !finisher->tile(folds, again, items, from, to, base, offset, pivot)) {
      const auto [low, high] = lifts_x ? std::pair{base, base + pitch / std::max<Index>(in, 1)}
                                       : seen(a, from, to);  // of 10^4 segments each tile's own
      for (Index i = 0; i < items; ++i)
        if (!engine[0]->vouch(planes[0] + (i * pitch + (low - base) * in) * width, (high - low) * in))
          return DECLINED;
    }
  }
  return DONE;
}

template <class T>
int scaled(const anypool_job& job, const Cut& c, Index begin, Index end) {
  ScaledRows<T> rows(job, c.lead);
  const auto& a = job.level[c.lead];
  for (Index tile = begin; tile < end; ++tile) {
    const Index item = tile / c.parts * c.group, items = std::min(c.group, c.items - item);
    const Index from = tile % c.parts * c.chunk, to = std::min(from + c.chunk, a.windows);
    if (from >= to) continue;
    if (const int failed = rows.tile(item, items, from, to, (item * a.windows + from) * job.inner))
      return failed;
  }
  return DONE;
}

int run(const anypool_job& job, Index begin, Index end) {
  if (const Cut c = cut(job); job.w && job.x_type == F32 && ScaledRows<float>::serve(job, c.lead))
    return scaled<float>(job, c, begin, end);
  else if (job.w && job.x_type == F64 && ScaledRows<double>::serve(job, c.lead))
    return scaled<double>(job, c, begin, end);
  Chosen chosen(job);
  if (!chosen.rows) return staged(job, begin, end);
  const Cut c = cut(job);
  const auto& a = job.level[c.lead];
  for (Index tile = begin; tile < end; ++tile) {
    const Index item = tile / c.parts * c.group, items = std::min(c.group, c.items - item);
    const Index from = tile % c.parts * c.chunk, to = std::min(from + c.chunk, a.windows);
    if (from < to && !chosen.tile(item, items, from, to, (item * a.windows + from) * chosen.b->windows))
      if (const int failed = staged(job, tile, tile + 1)) return failed;
  }
  return DONE;
}
}  // namespace

int forward(const anypool_job& job, Index begin, Index end);
int forward(const anypool_job& job, Index begin, Index end) {
  return guarded([&] { return run(job, begin, end); });
}
}  // namespace anypool::ANYPOOL_ISA
