// Where selected values lie: each window looks for its value, and gives the flat position of the element that
// holds it.
#include <algorithm>
#include <cstring>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "simd/halves.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index NOWHERE = -1;  // the border's constant

// An element of a window: how far into the array, and its position in the pooled axes.
struct Spot {
  Index at, position;
  Spot moved(Index real, Index lanes, Index share) const {
    return at < 0 || real < 0 ? Spot{NOWHERE, NOWHERE} : Spot{at + real * lanes, position + real * share};
  }
};

// F: places are told apart in numbers as wide as the elements, so that one comparison fills one vector.
template <class T, class F>
struct Finder {
  static constexpr Index block = 256;
  static constexpr F none = F(-1);
  const anypool_job& job;
  const anypool_level* level;
  const int levels;
  int lead = 0;                         // the first pooled level
  Index items = 1, bands = 1;           // batch items, and how many tasks each is
  Array<Index> lanes, results, shares;  // under each level: elements, windows, positions
  Array<Spot> rows, spots;              // of the windows at hand, without the last level and with it
  Array<Index> until,
      apart;  // of the last level: where windows end that are each the one before, moved; by how much
  T fill{};

  explicit Finder(const anypool_job& j)
      : job(j), level(j.level), levels(int(j.levels)), lanes(levels), results(levels), shares(levels) {
    Index in = job.inner, out = job.inner, share = 1;
    for (int l = levels - 1; l >= 0; --l) {
      const auto& a = level[l];
      lanes[l] = in, results[l] = out, shares[l] = a.windows ? share : 0;
      in *= a.real, out *= a.windows ? a.windows : a.size;
      if (a.windows) share *= a.real;
    }
    for (; !level[lead].windows; ++lead) items *= level[lead].size;
    if (items < 16) bands = std::min<Index>(level[lead].windows, 32);
    std::memcpy(static_cast<void*>(&fill), &job.fill, sizeof(T));
  }
  static Index real(const anypool_level& a, Index o, Index t) {
    const Index e = a.first[o] + t * a.step;
    return a.source ? a.source[e] : e;
  }
  void find_runs() {
    const auto& a = level[levels - 1];
    until.resize(a.windows), apart.assign(a.windows, 0);
    for (Index o = a.windows - 1; o >= 0; --o) {
      until[o] = o + 1;
      if (job.inner > 1 || o + 1 == a.windows || !a.length[o] || a.length[o] != a.length[o + 1]) continue;
      const Index step = real(a, o + 1, 0) - real(a, o, 0);
      bool moved = true;
      for (Index t = 0; moved && t < a.length[o]; ++t)
        moved = real(a, o, t) >= 0 && real(a, o + 1, t) >= 0 && real(a, o + 1, t) - real(a, o, t) == step;
      if (!moved) continue;
      apart[o] = step, until[o] = apart[o + 1] == step || until[o + 1] == o + 2 ? until[o + 1] : o + 2;
    }
  }

  void task(Index k) {
    const auto& a = level[lead];
    const Index i = k / bands, b = k % bands;
    rows.assign(1, {i * lanes[lead] * a.real, 0});
    windows(lead, i * results[lead] * a.windows, b * a.windows / bands, (b + 1) * a.windows / bands);
  }
  // Windows [from, to) of a level and all those under them; `y` is where the answers of the level's first
  // begin.
  void windows(int l, Index y, Index from, Index to) {
    const auto& a = level[l];
    if (l == levels - 1) return last(y, from, to);
    for (Index o = from; o < to; ++o) {
      const Array<Spot> outer = rows;
      rows.clear();
      for (const Spot& s : outer)
        for (Index t = 0; t < (a.windows ? a.length[o] : 1); ++t)
          rows.push_back(s.moved(a.windows ? real(a, o, t) : o, lanes[l], shares[l]));
      windows(l + 1, y + o * results[l], 0, level[l + 1].windows ? level[l + 1].windows : level[l + 1].size);
      rows = outer;
    }
  }
  void last(Index y, Index from, Index to) {
    const auto& a = level[levels - 1];
    for (Index o = from, next; o < to; o = next) {
      next = std::min(until[o], to);
      spots.clear();
      for (const Spot& s : rows)
        for (Index t = 0; t < a.length[o]; ++t) spots.push_back(s.moved(real(a, o, t), job.inner, 1));
      const bool along = job.inner == 1;
      const Index n = along ? next - o : job.inner, step = along ? apart[o] : 0;
      for (Index b = 0; b < n; b += block) {
        const Index m = std::min(block, n - b);
        if (!along || step == 1) look<true>(y + o * job.inner + b, b, m, 1, along, along ? b : 0);
        else look<false>(y + o + b, b * step, m, step, step, b * step);
      }
    }
  }

  // n windows whose elements lie `far` from each other, and their positions `beside`, the first ones `start`
  // from those of the spots: the place found at the end wins.
  template <bool near>
  void look(Index y, Index shift, Index n, Index far_, Index beside, Index start) {
    const Index places = Index(spots.size()), far = near ? 1 : far_;
    const T* values = static_cast<const T*>(job.y) + y;
    const auto* mask = static_cast<const std::uint8_t*>(job.w);
    F found[block];
    std::fill_n(found, n, none);
    bool missing = false;
    if (!job.omit)
      for (Index i = 0; i < n; ++i) missing |= number(values[i]) != number(values[i]);
    for (Index k = 0; k < places; ++k) {
      const F place = F(job.last ? k : places - 1 - k);
      const Spot& s = spots[Index(place)];
      const T* x = s.at < 0 ? &fill : static_cast<const T*>(job.x) + s.at + shift;
      const auto* there = mask && s.at >= 0 ? mask + s.at + shift : nullptr;
      const Index move = s.at < 0 ? 0 : far;
      if (missing)
        for (Index i = 0; i < n; ++i) {
          const auto e = number(x[i * move]), v = number(values[i]);
          found[i] = ((e == v) | ((e != e) & (v != v))) & (!there || there[i * move] != 0) ? place : found[i];
        }
      else if (there)
        for (Index i = 0; i < n; ++i)
          found[i] = (number(x[i * far]) == number(values[i])) & (there[i * far] != 0) ? place : found[i];
      else if (s.at < 0)
        for (Index i = 0; i < n; ++i) found[i] = number(fill) == number(values[i]) ? place : found[i];
      else
        for (Index i = 0; i < n; ++i) found[i] = number(x[i * far]) == number(values[i]) ? place : found[i];
    }
    auto* to = static_cast<std::int64_t*>(job.place) + y;
    for (Index i = 0; i < n; ++i) {
      const Index p = found[i] == none ? NOWHERE : spots[Index(found[i])].position;
      to[i] = p < 0 ? NOWHERE : p + start + i * beside;
    }
  }
};

template <class T, class F>
int run(const anypool_job& job, Index begin, Index end) {
  Finder<T, F> f(job);
  if (begin < 0) return int(f.items * f.bands);
  f.find_runs();
  for (Index k = begin; k < end; ++k) f.task(k);
  return DONE;
}
template <class T, class F>
int narrowly(const anypool_job& job, Index begin, Index end) {
  Index places = 1;
  for (int l = 0; l < job.levels; ++l)
    if (job.level[l].windows) places *= job.level[l].places;
  return places < Index(std::numeric_limits<F>::max()) ? run<T, F>(job, begin, end)
                                                       : run<T, std::int32_t>(job, begin, end);
}
}  // namespace

int find(const anypool_job& job, Index begin, Index end);
int find(const anypool_job& job, Index begin, Index end) {
  return guarded([&] {
    switch (job.x_type) {
      case F32: return run<float, std::int32_t>(job, begin, end);
      case F64: return run<double, std::int64_t>(job, begin, end);
      case F16: return run<Half, std::int32_t>(job, begin, end);
      case BF16: return run<Brain, std::int32_t>(job, begin, end);
      case U8:
      case I8: return narrowly<std::uint8_t, std::uint8_t>(job, begin, end);
      case U16:
      case I16: return narrowly<std::uint16_t, std::uint16_t>(job, begin, end);
      case U32:
      case I32: return run<std::uint32_t, std::int32_t>(job, begin, end);
      default: return run<std::uint64_t, std::int64_t>(job, begin, end);
    }
  });
}
}  // namespace anypool::ANYPOOL_ISA
