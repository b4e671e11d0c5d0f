// The gradient of a selection: each element asks the windows that hold it whether they chose it.
#include <algorithm>
#include <new>
#include <vector>

#include "halves.hpp"
#include "job.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
// A row of windows that hold the row of elements at hand, and the place that this row has in them.
struct Holder {
  Index row, place;
};

template <class T, class P>
struct Places {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const anypool_job& job;
  const anypool_level* level;
  const int levels;
  std::vector<Index> lanes, results, share;  // lanes under each level, and places under each pooled one
  std::vector<A> wide, phases, total;
  std::vector<const A*> values;    // of the row of windows of each holder
  std::vector<const P*> chosen;    // their places
  std::vector<Holder> taps;        // of a phase: how many windows back, and which place
  std::vector<std::vector<Holder>> held;  // for each level, the windows that hold the elements at hand

  explicit Places(const anypool_job& j) : job(j), level(j.level), levels(int(j.levels)), lanes(levels), results(levels), share(levels), held(levels + 1) {
    Index in = job.inner, out = job.inner, places = 1;
    for (int l = levels - 1; l >= 0; --l) {
      lanes[l] = in, results[l] = out, share[l] = places;
      in *= level[l].size, out *= level[l].windows ? level[l].windows : level[l].size;
      if (level[l].windows) places *= level[l].places;
    }
  }

  // Elements [from, to) of the lead level of one item.
  void gather(int l, const T* g, const P* place, T* y, Index from, Index to) {
    const auto& a = level[l];
    const std::vector<Holder>& above = held[l];
    if (l == levels - 1) return last(g, place, y, above);
    std::vector<Holder>& here = held[l + 1];
    for (Index i = from; i < to; ++i, y += lanes[l]) {
      here.clear();
      if (!a.windows) {
        for (const Holder& h : above) here.push_back({h.row + i * results[l], h.place});
      } else {
        const Index past = i - a.start, low = past - (a.places - 1) * a.step;
        const Index begin = low <= 0 ? 0 : (low + a.stride - 1) / a.stride, end = past < 0 ? 0 : std::min(past / a.stride + 1, a.windows);
        for (Index o = begin; o < end; ++o) {
          if ((past - o * a.stride) % a.step || i < a.first[o]) continue;
          const Index j = (i - a.first[o]) / a.step;
          for (const Holder& h : above) here.push_back({h.row + o * results[l], h.place + j * share[l]});
        }
      }
      gather(l + 1, g, place, y, 0, level[l + 1].size);
    }
  }

  // One row of elements: each of the `stride` phases of the axis is a row of its own, made whole vectors at a time from
  // all its windows (adding window after window would read what was stored a moment ago, at another offset).
  void last(const T* g, const P* place, T* y, const std::vector<Holder>& above) {
    const auto& a = level[levels - 1];
    const Index c = job.inner, s = a.stride, width = a.windows + ((a.places - 1) * a.step) / s + 1, row = a.windows * c;
    phases.resize(s * width * c);
    Index full = 0;  // windows that are clipped on the left count their places from the first that is present
    while (full < a.windows && a.first[full] != a.start + full * s) ++full;
    values.clear(), chosen.clear();
    if constexpr (!std::is_same_v<T, A>) wide.resize(above.size() * row);
    for (const Holder& h : above) {
      ask<0>(g + h.row, 4096, row * Index(sizeof(T)));
      if constexpr (std::is_same_v<T, A>) values.push_back(g + h.row);
      else {
        A* w = wide.data() + values.size() * row;
        widen(g + h.row, w, row);
        values.push_back(w);
      }
      chosen.push_back(place + h.row);
    }
    for (Index phase = 0; phase < s; ++phase) {
      taps.clear();
      for (Index j = 0; j < a.places; ++j)
        if (j * a.step % s == phase) taps.push_back({j * a.step / s, j});
      A* to = phases.data() + phase * width * c;
      const Index low = taps.empty() ? width : std::min(full + taps.back().row, width), high = taps.empty() ? width : std::max(low, a.windows + taps.front().row);
      edge(to, 0, low, full, above), inside(to, low * c, high * c, above), edge(to, high, width, full, above);
    }
    for (Index o = 0; o < full; ++o)
      for (std::size_t h = 0; h < above.size(); ++h)
        for (Index j = 0; j < a.length[o]; ++j) {
          const Index far = a.first[o] + j * a.step - a.start;
          for (Index u = 0; u < c; ++u) phases[(far % s * width + far / s) * c + u] += chosen[h][o * c + u] == P(above[h].place + j) ? values[h][o * c + u] : A(0);
        }
    write(y, width);
  }

  // Where some windows of the row are missing.
  void edge(A* to, Index from, Index end, Index full, const std::vector<Holder>& above) {
    const auto& a = level[levels - 1];
    const Index c = job.inner;
    for (Index q = from; q < end; ++q)
      for (Index u = 0; u < c; ++u) {
        A sum = 0;
        for (std::size_t h = 0; h < above.size(); ++h)
          for (const Holder& t : taps) {
            const Index o = q - t.row;
            if (o >= full && o < a.windows && chosen[h][o * c + u] == P(above[h].place + t.place)) sum += values[h][o * c + u];
          }
        to[q * c + u] = sum;
      }
  }

  void inside(A* to, Index from, Index end, const std::vector<Holder>& above) {
    const std::size_t rows = above.size();
    Index i = from;
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    // sixteen places are compared at once and mask the addition; the compiler widens them one by one instead
    if constexpr (std::is_same_v<A, float> && sizeof(P) == 1)
      for (; i + 16 <= end; i += 16) {
        __m512 sum = _mm512_setzero_ps();
        for (std::size_t h = 0; h < rows; ++h)
          for (const Holder& t : taps) {
            const Index at = i - t.row * job.inner;
            const __m128i place = _mm_loadu_si128(reinterpret_cast<const __m128i*>(chosen[h] + at));
            sum = _mm512_mask_add_ps(sum, _mm_cmpeq_epi8_mask(place, _mm_set1_epi8(char(above[h].place + t.place))), sum, _mm512_loadu_ps(values[h] + at));
          }
        _mm512_storeu_ps(to + i, sum);
      }
#endif
    for (constexpr Index n = 16; i < end; i += n) {
      const Index some = std::min(n, end - i);
      A sum[n] = {};
      for (std::size_t h = 0; h < rows; ++h)
        for (const Holder& t : taps) {
          const Index at = i - t.row * job.inner;
          const P place = P(above[h].place + t.place);
          for (Index u = 0; u < some; ++u) sum[u] += chosen[h][at + u] == place ? values[h][at + u] : A(0);
        }
      std::copy_n(sum, some, to + i);
    }
  }

  // The phases side by side.
  void write(T* y, Index width) {
    ask<1>(y, 4096, level[levels - 1].size * job.inner * Index(sizeof(T)));
    const auto& a = level[levels - 1];
    const Index c = job.inner, s = a.stride, n = a.size;
    A* out;
    if constexpr (std::is_same_v<T, A>) out = y;
    else total.resize(n * c), out = total.data();
    if (c == 1 && s == 2) {  // two phases, side by side
      const A *even = phases.data(), *odd = even + width;
      const Index begin = std::clamp<Index>((1 - a.start) / 2, 0, width), end = std::clamp<Index>((n - a.start) / 2, begin, width);
      const Index from = a.start + 2 * begin, to_ = a.start + 2 * end;
      for (Index i = 0; i < std::min(from, n); ++i) out[i] = i == a.start + 2 * (begin - 1) + 1 && begin ? odd[begin - 1] : A(0);
      for (Index q = begin; q < end; ++q) out[a.start + 2 * q] = even[q], out[a.start + 2 * q + 1] = odd[q];
      for (Index i = std::max<Index>(to_, 0); i < n; ++i) out[i] = i == to_ && end < width ? even[end] : A(0);
      if constexpr (!std::is_same_v<T, A>) narrow(static_cast<const A*>(out), y, n * c);
      return;
    }
    for (Index phase = 0; phase < s; ++phase) {
      const A* row = phases.data() + phase * width * c;
      const Index first = a.start + phase, skip = first < 0 ? (-first + s - 1) / s : 0;
      Index i = first + skip * s, q = skip;
      if (c == 1 && s == 1) {
        const Index some = std::min(width - q, n - i);
        std::copy_n(row + q, some, out + i);
        std::fill(out, out + i, A(0)), std::fill(out + i + some, out + n, A(0));
        continue;
      }
      for (Index before = i - s; before >= 0; before -= s) std::fill(out + before * c, out + (before + 1) * c, A(0));
      if (c == 1)
        for (const Index end = std::min(n, i + (width - q) * s); i < end; i += s, ++q) out[i] = row[q];
      else
        for (; i < n && q < width; i += s, ++q) std::copy_n(row + q * c, c, out + i * c);
      for (; i < n; i += s) std::fill(out + i * c, out + (i + 1) * c, A(0));
    }
    if constexpr (!std::is_same_v<T, A>) narrow(static_cast<const A*>(out), y, n * c);
  }

  // Large windows: each window adds to the element that it chose; an item belongs to one thread, so the order is fixed.
  void scatter(int lead, const T* g, const P* place, T* y) {
    const Index n = lanes[lead] * level[lead].size, count = level[lead].windows ? share[lead] * level[lead].places : share[lead];
    std::vector<Index> offset(count);
    for (Index p = 0; p < count; ++p)
      for (int l = lead; l < levels; ++l)
        if (level[l].windows) offset[p] += p / share[l] % level[l].places * level[l].step * lanes[l];
    A* to;
    if constexpr (std::is_same_v<T, A>) to = y;
    else total.resize(n), to = total.data();
    std::fill(to, to + n, A(0));
    spread(lead, g, place, to, offset.data());
    if constexpr (!std::is_same_v<T, A>) narrow(static_cast<const A*>(to), y, n);
  }

  void spread(int l, const T* g, const P* place, A* to, const Index* offset) {
    const auto& a = level[l];
    const Index count = a.windows ? a.windows : a.size;
    for (Index o = 0; o < count; ++o, g += results[l], place += results[l]) {
      A* here = to + (a.windows ? a.first[o] : o) * lanes[l];
      if (a.windows && !a.length[o]) continue;
      if (l < levels - 1) spread(l + 1, g, place, here, offset);
      else
        for (Index u = 0; u < job.inner; ++u) here[offset[place[u]] + u] += A(number(g[u]));
    }
  }
};

template <class T, class P>
int run(const anypool_job& job, Index begin, Index end) {
  Places<T, P> f(job);
  int lead = 0;
  Index items = 1, most = 1;
  while (!job.level[lead].windows) items *= job.level[lead++].size;
  bool regular = true;
  for (int l = lead; l < job.levels; ++l) {
    const auto& a = job.level[l];
    if (a.windows) most *= (a.places + a.stride - 1) / std::max<Index>(a.stride, 1), regular &= a.affine && a.stride > 0;
  }
  const Index in = f.lanes[lead] * job.level[lead].size, out = f.results[lead] * job.level[lead].windows;
  for (Index item = begin; item < end; ++item) {
    const T* g = static_cast<const T*>(job.x) + item * out;
    const P* place = static_cast<const P*>(job.w) + item * out;
    T* y = static_cast<T*>(job.y) + item * in;
    if (regular && most <= 12) f.held[lead] = {{0, 0}}, f.gather(lead, g, place, y, 0, job.level[lead].size);
    else f.scatter(lead, g, place, y);
  }
  return DONE;
}

template <class T>
int with_place(const anypool_job& job, Index begin, Index end) {
  return job.w_type == U8 ? run<T, std::uint8_t>(job, begin, end) : run<T, std::int32_t>(job, begin, end);
}
}  // namespace

int places(const anypool_job& job, Index begin, Index end);
int places(const anypool_job& job, Index begin, Index end) {
  try {
    switch (job.x_type) {
      case F32: return with_place<float>(job, begin, end);
      case F64: return with_place<double>(job, begin, end);
      case F16: return with_place<Half>(job, begin, end);
      case BF16: return with_place<Brain>(job, begin, end);
      default: return DECLINED;
    }
  } catch (const std::bad_alloc&) {
    return NO_MEMORY;
  }
}
}  // namespace anypool::ANYPOOL_ISA
