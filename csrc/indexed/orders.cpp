// Order statistics of windows that list their elements: few are sorted by a network across lanes, many by
// selection.
#include <algorithm>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "indexed/listed.hpp"
#include "ranks/exchanges.hpp"
#include "ranks/keys.hpp"
#include "ranks/words.hpp"
#include "simd/element_types.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index MOST_SORTED =
    64;  // elements that a network sorts: 543 comparisons of vectors; selection takes over
constexpr Index CHUNK = 256;  // windows a task

// Batcher's odd-even sort of n rows, without what leads to no wanted one.
Pairs network(Index n, Index low, Index high, bool all) {
  const Pairs made = exchanges(n);
  if (all) return made;
  Array<bool> wanted(n, false);
  wanted[low] = wanted[high] = true;
  Pairs kept;
  for (auto at = made.rbegin(); at != made.rend(); ++at)
    if (wanted[at->first] || wanted[at->second]) {
      wanted[at->first] = wanted[at->second] = true;
      kept.push_back(*at);
    }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

template <class S>
struct Windows {
  using K = Ordered<S>;
  using T = typename K::Lane;
  using R = typename K::Real;
  using L = Lanes<T>;
  const anypool_list_orders& job;
  const anypool_lists& lists = job.lists;
  const View view = view_of(job.lists, 0);
  const T nan = K::floats ? K::in(K::last()) : T{};
  Array<Index> offset;
  Array<T> rows, one;
  Array<Pairs> networks = Array<Pairs>(MOST_SORTED + 1);

  explicit Windows(const anypool_list_orders& j) : job(j) {}

  R blended(R a, R b, double part) const {
    const R share = R(part), rest = R(1 - part);
    const R mixed = job.blend == 1 ? (a + b) * R(0.5) : part < 0.5 ? a + (b - a) * share : b - (b - a) * rest;
    return a == b || (job.blend == 2 && part == 0) ? a : mixed;
  }
  // The answer of a window of n elements, at(r) being the r-th of them, at place y of the result.
  template <class At>
  void answer(Index n, bool spoiled, Index y, At at) const {
    const bool none = n < 0 || job.low[n] < 0;
    if (job.terms && !none && !spoiled) return summed(n, y, at);
    if (job.real) {
      double* to = static_cast<double*>(lists.y) + y;
      *to = none        ? lists.empty
            : job.blend ? double(blended(K::real(at(job.low[n])), K::real(at(job.high[n])), job.shares[n]))
                        : double(K::real(at(job.low[n])));
      return;
    }
    S* to = static_cast<S*>(lists.y) + y;
    if (none) narrow(R(lists.empty), *to);
    else if (spoiled) *to = K::last();
    else if (!job.blend) *to = K::out(at(job.low[n]));
    else narrow(blended(K::real(at(job.low[n])), K::real(at(job.high[n])), job.shares[n]), *to);
  }

  template <class At>
  void summed(Index n, Index y, At at) const {
    double sum = 0;
    for (Index r = 0; r < n; ++r)  // a rank that does not count may be infinite
      if (const double c = job.terms[job.row[n] + r]; c != 0) sum += c * double(K::real(at(r)));
    if (job.real) static_cast<double*>(lists.y)[y] = sum;
    else narrow(R(sum), static_cast<S*>(lists.y)[y]);
  }

  // Lanes [lane, lane + lanes) of one item, at most a vector of them.
  void window(const S* x, Index y, Index lanes, Index group, Index bin) {
    offset.clear();
    each_element<double>(lists, view, group, bin, [&](Index at, Index, double) { offset.push_back(at); });
    const Index n = Index(offset.size());
    if (n > MOST_SORTED || lanes == 1) {
      for (Index i = 0; i < lanes; ++i) selected(x + i * lists.x_lane, y + i * lists.y_lane, n);
      return;
    }
    if (Index(rows.size()) < n * L::n) rows.assign(MOST_SORTED * L::n, T{});
    const auto lay = [&](const S* from, Index e, Index i) { rows[e * L::n + i] = K::in(from[offset[e]]); };
    if (lists.x_lane == 1)
      for (Index e = 0; e < n; ++e)
        for (Index i = 0; i < lanes; ++i) lay(x + i, e, i);
    else
      for (Index i = 0; i < lanes; ++i)
        for (Index e = 0; e < n; ++e) lay(x + i * lists.x_lane, e, i);
    Index missing[L::n] = {};
    if (K::floats)
      for (Index e = 0; e < n; ++e)
        for (Index i = 0; i < lanes; ++i) missing[i] += rows[e * L::n + i] == nan;
    if (n > 1 && (job.omit || job.low[n] >= 0)) {
      if (networks[n].empty()) networks[n] = network(n, job.low[n], job.high[n], job.omit || job.terms);
      for (const auto& [a, b] : networks[n]) {
        T *p = &rows[a * L::n], *q = &rows[b * L::n];
        const auto v = L::load(p), w = L::load(q);
        L::store(p, lesser(v, w)), L::store(q, greater(v, w));
      }
    }
    for (Index i = 0; i < lanes; ++i)
      answer(job.omit ? n - missing[i] : n, missing[i] && !job.ranked && !job.omit, y + i * lists.y_lane,
             [&](Index r) { return rows[r * L::n + i]; });
  }
  void selected(const S* x, Index y, Index n) {
    one.resize(n);
    Index missing = 0;
    for (Index e = 0; e < n; ++e) one[e] = K::in(x[offset[e]]), missing += K::floats && one[e] == nan;
    const Index held = job.omit ? n - missing : n, low = job.low[held];
    const bool spoiled = missing && !job.ranked && !job.omit;
    if (low < 0 || spoiled) return answer(held, spoiled, y, [](Index) { return T{}; });
    if (job.terms) {
      std::sort(one.begin(), one.end());
      return answer(held, false, y, [&](Index r) { return one[r]; });
    }
    std::nth_element(one.begin(), one.begin() + low, one.end());
    const T first = one[low];
    T second = first;
    if (job.blend && job.high[held] > low) second = *std::min_element(one.begin() + low + 1, one.end());
    answer(held, false, y, [&](Index r) { return r == low ? first : second; });
  }
};

template <class S>
int tasks(const anypool_list_orders& job, Index begin, Index end) {
  using L = typename Windows<S>::L;
  const auto& lists = job.lists;
  const Index windows = lists.begin[lists.images] * lists.bins, parts = (windows + CHUNK - 1) / CHUNK;
  const Index block = lists.lanes < 4 ? 1 : L::n, blocks = (lists.lanes + block - 1) / block;
  if (begin < 0)
    return int(std::min<Index>(lists.outer * blocks * parts, 1 << 30));  // how many tasks there are
  Windows<S> all(job);
  for (Index t = begin; t < end; ++t) {
    const Index part = t % parts, lane = t / parts % blocks * block, item = t / parts / blocks;
    Index of = 0;
    for (Index w = part * CHUNK; w < std::min(windows, (part + 1) * CHUNK); ++w) {
      const Index k = w / lists.bins, bin = w % lists.bins;
      while (lists.begin[of + 1] <= k) ++of;
      const Index group = lists.order[k];
      const S* x =
          static_cast<const S*>(lists.x) + item * lists.x_outer + of * lists.x_image + lane * lists.x_lane;
      all.window(x, item * lists.y_outer + group * lists.y_group + bin * lists.y_bin + lane * lists.y_lane,
                 std::min(block, lists.lanes - lane), group, bin);
    }
  }
  return DONE;
}
}  // namespace

int list_orders(const anypool_list_orders& job, Index begin, Index end);
int list_orders(const anypool_list_orders& job, Index begin, Index end) {
  return guarded(
      [&] { return with_type(job.lists.type, [&](auto v) { return tasks<decltype(v)>(job, begin, end); }); });
}
}  // namespace anypool::ANYPOOL_ISA
