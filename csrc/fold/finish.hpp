// Finish: the planes that the engine folded become the answer, in the answer's type.
#pragma once
#include "fold/elements.hpp"
#include "fold/formula.hpp"
#include "fold/stage.hpp"
#include "fold/tile.hpp"
#include "fold/weighted_finish.hpp"

namespace anypool::ANYPOOL_ISA {
template <class A>
struct Answer final : Finisher {
  const anypool_job& job;
  const anypool_level* level;
  const int levels, lead;
  const Writer<A> writer;
  Array<int> shift;
  Array<Index> results;
  Array<A> counts, row;  // of the last level, a lane each
  Divisors<std::conditional_t<std::is_floating_point_v<A>, A, float>> divisors;
  Array<std::int32_t> firsts, places;  // likewise
  Array<std::uint32_t> codes;
  Index held = 0, held_end = 0;        // the windows that these tables are of
  bool even = true, holes = false;     // of the levels under the lead
  Index looked = -1, looked_end = -1;  // the lead's windows that these are of
  bool lead_even = true, lead_holes = false;
  bool uniform = true, gaps = false, single = false;
  const A *s = nullptr, *t = nullptr;
  Index at = 0, from = 0, to = 0, base = 0;
  const Pivot* pivot = nullptr;

  Answer(const anypool_job& j, int lead_)
      : job(j),
        level(j.level),
        levels(int(j.levels)),
        lead(lead_),
        writer(writer_of<A>(j.y_type, j.empty)),
        shift(shifts_of(j)),
        results(levels) {
    Index out = job.inner;
    for (int l = levels - 1; l >= 0; --l)
      results[l] = out, out *= level[l].windows ? level[l].windows : level[l].size;
    for (int l = 0; l < levels; ++l)
      if (l != lead) look(l, 0, level[l].windows, even, holes);
  }
  // Whether y's type can be answered in.
  bool serves() const {
    return job.finish == SELECT ? writer.fill && (writer.values || !job.y) : bool(writer.narrow);
  }
  unsigned char* answers() const { return static_cast<unsigned char*>(job.y) + at * writer.width; }

  void look(int l, Index begin, Index end, bool& same, bool& none) const {
    const auto& a = level[l];
    Index others = 0,
          empties =
              0;  // counted, for GCC makes vectors of no loop over bools: of 10^6 windows it took 0.4 ms
    for (Index o = begin; o < end; ++o) others += a.count[o] != a.count[begin], empties += a.length[o] == 0;
    same &= !others, none |= empties > 0;
  }
  // Counts and first elements of the last level's windows, a lane each: only of those at hand, which may be
  // millions.
  void tabulate(Index begin, Index end) {
    if (begin >= held && end <= held_end) return;
    const auto& a = level[levels - 1];
    const Index c = job.inner;
    held = begin, held_end = end, divisors.forget();
    const Index lanes = (end - begin) * c;
    if (job.finish == SELECT) {
      room(firsts, lanes);
      for (Index o = begin, i = 0; o < end; ++o)
        for (Index j = 0; j < c; ++j, ++i) firsts[i] = std::int32_t(a.first[o]);
      return;
    }
    room(counts, lanes);
    if (c == 1)
      for (Index i = 0; i < lanes; ++i) counts[i] = A(a.count[begin + i]);
    else
      for (Index o = begin, i = 0; o < end; ++o)
        for (Index j = 0; j < c; ++j, ++i) counts[i] = A(a.count[o]);
  }

  bool tile(unsigned char* const* planes, Lifted* lifted, Index items, Index from_, Index to_, Index base_,
            Index offset, const Pivot& p) override {
    s = reinterpret_cast<const A*>(planes[0]), t = reinterpret_cast<const A*>(planes[1]);
    from = from_, to = to_, base = base_, at = offset, pivot = &p;
    if constexpr (std::is_integral_v<A>)
      for (int k = 0; k < 2; ++k)
        if (const A key = A(key_of(job, k)); key != 0) {
          A* plane = reinterpret_cast<A*>(planes[k]);
          for (Index i = 0, n = items * (to - from) * results[lead]; i < n; ++i) plane[i] ^= key;
        }
    if (planes[2])
      return of_weights(reinterpret_cast<A*>(planes[0]), reinterpret_cast<A*>(planes[1]),
                        reinterpret_cast<A*>(planes[2]), lifted, items * (to - from) * results[lead]);
    if (from != looked || to != looked_end)
      lead_even = true, lead_holes = false, look(lead, looked = from, looked_end = to, lead_even, lead_holes);
    gaps = holes || lead_holes;
    uniform = ((even && lead_even) || job.divisor != 0) && !gaps && job.finish != SELECT;
    if (uniform) {
      double n = job.divisor;
      if (n == 0) {
        n = 1;
        for (int l = lead; l < levels; ++l)
          if (level[l].windows) n *= level[l].count[l == lead ? from : 0];
      }
      const Index lanes = items * (to - from) * results[lead];
      return answer(lanes,
                    [&](A* to_) { return formula(job, divisors, *pivot, s, t, to_, lanes, A(n), nullptr); });
    }
    single = items == 1;
    bool fine = true;
    for (Index i = 0; i < items; ++i)
      fine &= rows(lead, job.divisor != 0 ? A(job.divisor) : A(1), false, 0, 0);
    return fine;
  }

  bool rows(int l, A n, bool none, std::uint32_t code, Index position) {
    const auto& a = level[l];
    const Index begin = l == lead ? from : 0, end = l == lead ? to : (a.windows ? a.windows : a.size);
    if (l == levels - 1) {
      const Index c = job.inner, lanes = (end - begin) * c;
      bool fine = true;
      const bool by_window =
          job.finish == DIVIDE && job.divisor == 0 && (c >= Lanes<A>::n || (single && l == lead));
      if (!by_window) tabulate(begin, end);
      if (job.finish == SELECT) {
        select(lanes, begin, code, position);
        if (job.w || job.omit) unselected(lanes);
      } else
        fine = answer(lanes, [&](A* to_) {
          if (!by_window)
            return formula(job, divisors, *pivot, s, t, to_, lanes, n,
                           job.divisor != 0 ? nullptr : counts.data() + (begin - held) * c);
          if constexpr (std::is_floating_point_v<A>) divide_once(s, to_, end - begin, c, a.count + begin, n);
          return true;
        });
      for (Index o = begin; gaps && o < end; ++o)
        if (none || !a.length[o]) {
          if (job.y) writer.fill(answers() + (o - begin) * c * writer.width, c, job.empty);
          if (job.place) blank(job, at + (o - begin) * c, c);
        }
      s += lanes, t += t ? lanes : 0, at += lanes;
      return fine;
    }
    bool fine = true;
    for (Index o = begin; o < end; ++o) {
      if (!a.windows) {
        fine &= rows(l + 1, n, none, code, position);
        continue;
      }
      const Index first = a.first[o] - (l == lead ? base : 0);
      fine &= rows(l + 1, job.divisor != 0 ? n : n * A(a.count[o]), none || !a.length[o],
                   code + (std::uint32_t(first) << shift[l]), position);
    }
    return fine;
  }

  // Windows that know their weights. Block by block, so that each is read once from afar.
  bool of_weights(A* sums, A* others, A* weights, Lifted* lifted, Index lanes) {
    constexpr Index block = 1024;
    bool fine = true;
    WeightedFinish<A> finish(job, pivot->value, pivot->tiny, lifted, writer.empty);
    for (Index first = 0; first < lanes; first += block, at += block) {
      const Index n = std::min(block, lanes - first);
      s = sums + first, t = others ? others + first : nullptr;
      if (!finish.begin(sums + first, others ? others + first : nullptr, weights + first, n, first))
        return false;
      fine &= answer(n, [&](A* y) {
        return finish.run(y, [&] { return formula(job, divisors, *pivot, s, t, y, n, A(1), nullptr); });
      });
      finish.end(answers(), writer);
    }
    return fine;
  }

  // One row, as write(to) makes it.
  template <class Write>
  bool answer(Index lanes, Write write) {
    unsigned char* y = answers();
    if (static_cast<const void*>(s) != y) ask<1>(y, 4096, lanes * writer.width);
    if (writer.same) return write(reinterpret_cast<A*>(y));
    A* out = room(row, lanes);
    const bool fine = write(out);
    writer.narrow(out, y, lanes);
    return fine;
  }

  // A selection: its value, and its place in the window or its position on the pooled axes.
  void select(Index lanes, Index begin, std::uint32_t upper, Index) {
    if constexpr (std::is_same_v<A, std::int64_t>) {
      const std::int32_t flip = job.min ? -1 : 0, top = std::numeric_limits<std::int32_t>::max();
      const std::uint32_t turn = job.last ? 0 : ~std::uint32_t(0);
      room(codes, lanes), room(places, lanes);
      if (job.y) writer.values(s, answers(), lanes, flip);
      if (!job.place) return;
      for (Index i = 0; i < lanes; ++i)
        codes[i] = std::uint32_t(s[i]) ^ (writer.nans && std::int32_t(s[i] >> 32) == top ? 0 : turn);
      if (job.place_type == I64) {
        positions(lanes, static_cast<std::int64_t*>(job.place) + at);
        return;
      }
      locals(lanes, begin, upper);
      if (job.place_type == U8) std::copy_n(places.data(), lanes, static_cast<std::uint8_t*>(job.place) + at);
      else std::copy_n(places.data(), lanes, static_cast<std::int32_t*>(job.place) + at);
    }
  }

  // Windows whose elements are all absent.
  void unselected(Index lanes) {
    if constexpr (std::is_same_v<A, std::int64_t>)
      for (Index i = 0; i < lanes; ++i)
        if (s[i] == least<A>) {
          if (job.y) writer.fill(answers() + i * writer.width, 1, job.empty);
          if (job.place) blank(job, at + i, 1);
        }
  }

  // Places in their windows: level by level, all lanes at once.
  void locals(Index lanes, Index begin, std::uint32_t upper) {
    std::fill_n(places.data(), lanes, 0);
    for (int l = lead; l < levels; ++l) {
      const auto& a = level[l];
      if (!a.windows) continue;
      const int by = shift[l];
      const std::int32_t mask = std::int32_t((std::uint64_t(1) << width_of(a.size)) - 1),
                         k = std::int32_t(a.places), step = std::int32_t(a.step);
      const std::int32_t start =
          l == levels - 1 ? std::int32_t(l == lead ? base : 0) : -(std::int32_t(upper >> by) & mask);
      const std::int32_t* first = l == levels - 1 ? firsts.data() + (begin - held) * job.inner : nullptr;
      const std::uint32_t* code = codes.data();
      std::int32_t* place = places.data();
      auto each_lane = [&](auto j) {
        if (step == 1)
          for (Index i = 0; i < lanes; ++i) place[i] = place[i] * k + j(i);
        else
          for (Index i = 0; i < lanes; ++i) place[i] = place[i] * k + j(i) / step;
      };
      if (first) each_lane([=](Index i) { return (std::int32_t(code[i] >> by) & mask) + start - first[i]; });
      else each_lane([=](Index i) { return (std::int32_t(code[i] >> by) & mask) + start; });
    }
  }

  // Flat positions on the pooled axes; the border's constant has none.
  void positions(Index lanes, std::int64_t* to_) {
    const std::uint32_t* code = codes.data();
    std::fill_n(to_, lanes, 0);
    for (int l = lead; l < levels; ++l) {
      const auto& a = level[l];
      if (!a.windows) continue;
      const int by = shift[l];
      const std::uint32_t mask = std::uint32_t((std::uint64_t(1) << width_of(a.size)) - 1);
      const Index start = l == lead ? base : 0;
      if (!a.source)
        for (Index i = 0; i < lanes; ++i) to_[i] = to_[i] * a.real + Index((code[i] >> by) & mask) + start;
      else
        for (Index i = 0; i < lanes; ++i) {
          const Index j = a.source[Index((code[i] >> by) & mask) + start];
          to_[i] = to_[i] < 0 || j < 0 ? -1 : to_[i] * a.real + j;
        }
    }
  }
};
}  // namespace anypool::ANYPOOL_ISA
