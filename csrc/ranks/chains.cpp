// Ranks of long windows along one axis: blocks of a window's length are sorted once; a window is the end of
// one block and the beginning of the next, each a chain of its elements in order, which lose and gain one at
// a step (Suomela 2014, "Median filtering is equivalent to sorting"). The work does not grow with the window,
// but for the sort.
#include <algorithm>
#include <cstring>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "ranks/answers.hpp"
#include "ranks/ends.hpp"
#include "ranks/radix.hpp"
#include "simd/element_types.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
// One block: its elements in order are links 0 … w − 1, and w is both ends of the chain.
template <class T, class N>
struct Chain {
  struct Link {
    N next, previous;
    T value;  // the largest number at the end
  };
  Array<Link> link;
  Array<N> place;           // each element's link
  Index at = 0, below = 0;  // the link at hand, and how many of the chain lie before it

  explicit Chain(Index w) : link(w + 1), place(w) {}
  Index end() const { return Index(place.size()); }

  void whole(Index rank) {
    for (Index i = 0; i <= end(); ++i)
      link[i].next = N(i < end() ? i + 1 : 0), link[i].previous = N(i ? i - 1 : end());
    at = below = rank;
  }
  // All taken out, the last first, so that they can come back from the first on.
  void unwind() {
    for (Index i = end() - 1; i >= 0; --i) {
      const Link& l = link[place[i]];
      link[l.previous].next = l.next, link[l.next].previous = l.previous;
    }
    at = end(), below = 0;
  }
};

// A chain while it loses or gains its elements in turn.
template <class T, class N>
struct Hand {
  typename Chain<T, N>::Link* link;
  const N* place;
  Index at, below;
  Hand(Chain<T, N>& c) : link(c.link.data()), place(c.place.data()), at(c.at), below(c.below) {}
  void leave(Chain<T, N>& c) const { c.at = at, c.below = below; }

  ANYPOOL_INLINE T value() const { return link[at].value; }
  ANYPOOL_INLINE T after() const { return link[link[at].next].value; }
  ANYPOOL_INLINE void lose(Index i) {
    const Index n = place[i], next = link[n].next;
    link[link[n].previous].next = N(next), link[next].previous = link[n].previous;
    const bool small = n < at;
    const Index stay = n == at ? next : at;
    const bool back = !small & (below > 0);
    at = back ? Index(link[stay].previous) : stay;
    below -= small | back;
  }
  ANYPOOL_INLINE void gain(Index i) {
    const Index n = place[i];
    link[link[n].previous].next = link[link[n].next].previous = N(n);
    at = n < at ? Index(link[at].previous) : at;
  }
  ANYPOOL_INLINE void advance(bool go) {
    at = go ? Index(link[at].next) : at;
    below += go;
  }
};

// What tells element types of one type of keys apart.
template <class T>
struct Kind {
  Index width;  // bytes of an element
  // The keys of n elements of the axis from position `begin` on; whether one of them is a NaN.
  bool (*keys)(const anypool_orders& job, const unsigned char* x, Index begin, Index n, T* to);
  // See OrderAnswers.
  bool (*write)(const anypool_orders& job, const T* const* row, Index n, Index apart, void* y, bool real,
                const std::uint8_t* count, bool chosen);
};
template <class S>
auto kind_of() {
  using K = Keys<S>;
  using T = typename K::Lane;
  return Kind<T>{sizeof(S),
                 [](const anypool_orders& job, const unsigned char* from, Index begin, Index n, T* to) {
                   const auto& axis = job.span[2];
                   const S* x = reinterpret_cast<const S*>(from);
                   bool nan = false;
                   for (Index i = 0; i < n; ++i) {
                     const Index at = axis.source ? axis.source[begin + i] : begin + i;
                     const S v = at < 0 ? border<S>(job) : x[at * axis.x_stride];
                     nan |= is_nan(v);
                     to[i] = K::in(v);
                   }
                   return nan;
                 },
                 OrderAnswers<S, K>::write};
}

template <class T, class N>
struct Chains {
  using U = decltype(digits(T{}));
  const anypool_orders& job;
  const Kind<T> kind;
  const bool real = job.y_type != job.type;
  const Index y_width = real ? Index(sizeof(double)) : kind.width;
  const anypool_span& axis = job.span[2];
  const Index w = axis.size, rank = job.outputs[0];
  Chain<T, N> first{w}, second{w};
  Array<T> lane = Array<T>(w), low = Array<T>(w), high = Array<T>(w);
  Radix<T, N> radix{w};
  bool nan = false;

  Chains(const anypool_orders& j, Kind<T> k) : job(j), kind(k) {}

  // The links of the elements from position `begin` on; those beyond the axis come last, and never into the
  // chain.
  void sort(Chain<T, N>& chain, const unsigned char* x, Index begin) {
    const Index n = std::clamp<Index>(axis.extent - begin, 0, w);
    nan |= kind.keys(job, x, begin, n, lane.data());
    std::fill(lane.begin() + n, lane.end(), T{});
    for (Index i = 0; i < w; ++i)
      radix.one[i] = {i < n ? digits(lane[i]) : std::numeric_limits<U>::max(), N(i)};
    radix.sort(w);
    for (Index r = 0; r < w; ++r)
      chain.link[r].value = lane[radix.one[r].element], chain.place[radix.one[r].element] = N(r);
    chain.link[w].value = last();
  }
  static T last() { return std::is_same_v<T, double> ? T(INFINITY) : std::numeric_limits<T>::max(); }

  // Windows [from, to) of one series.
  void run(const unsigned char* x, unsigned char* y, Index from, Index to) {
    sort(first, x, axis.start + from);
    first.whole(rank);
    const auto& all = first.link;
    low[0] = all[rank].value, high[0] = all[all[rank].next].value;
    give(y, from, 1);
    for (Index o = from + 1; o < to; o += w) {
      sort(second, x, axis.start + o + w - 1);
      second.whole(0), second.unwind();
      const Index n = std::min(w, to - o);
      if (job.ranks > 1) steps<true>(n);
      else steps<false>(n);
      give(y, o, n);
      std::swap(first, second);
    }
  }
  template <bool both>
  void steps(Index n) {
    Hand<T, N> a{first}, b{second};
    T *to = low.data(), *then = high.data();
    const Index end = w, wanted = rank;
    const auto nearer = [&] { return (b.at == end) | ((a.at != end) & (a.value() <= b.value())); };
    for (Index i = 0; i < n; ++i) {
      a.lose(i), b.gain(i);
      const bool go = a.below + b.below < wanted, left = go & nearer();
      a.advance(left), b.advance(go & !left);
      const T v = a.value(), u = b.value();
      to[i] = u < v ? u : v;
      if (!both) continue;
      const bool mine = nearer();
      const T p = mine ? a.after() : v, q = mine ? u : b.after();
      then[i] = q < p ? q : p;
    }
    a.leave(first), b.leave(second);
  }
  void give(unsigned char* y, Index o, Index n) {
    const T* rows[2] = {low.data(), high.data()};
    kind.write(job, rows, n, axis.y_stride, y + o * axis.y_stride * y_width, real, nullptr, false);
  }
};

// A task's windows: some blocks, so that the first one's sort is little beside the others'.
Index piece(const anypool_span& axis) { return std::max<Index>(16 * axis.size, 8192); }

template <class N, class T>
int tasks(const anypool_orders& job, Kind<T> kind, Index begin, Index end) {
  const auto& axis = job.span[2];
  const Index pieces = (axis.windows + piece(axis) - 1) / piece(axis);
  Chains<T, N> chains(job, kind);
  for (Index t = begin; t < end; ++t) {
    const Index item = t / pieces, from = t % pieces * axis.windows / pieces,
                to = (t % pieces + 1) * axis.windows / pieces;
    chains.run(static_cast<const unsigned char*>(job.x) + job.batch_x[item] * kind.width,
               static_cast<unsigned char*>(job.y) + job.batch_y[item] * chains.y_width, from, to);
  }
  return chains.nan ? DECLINED : DONE;
}
template <class S>
int tasks(const anypool_orders& job, Index begin, Index end) {
  return job.span[2].size < 65535 ? tasks<std::uint16_t>(job, kind_of<S>(), begin, end)
                                  : tasks<std::uint32_t>(job, kind_of<S>(), begin, end);
}
}  // namespace

// begin < 0: how many tasks there are. DECLINED says that x holds a NaN, as in the other engines.
int chains(const anypool_orders& job, Index begin, Index end);
int chains(const anypool_orders& job, Index begin, Index end) {
  if (begin < 0)
    return int(std::min<Index>(
        job.batches * ((job.span[2].windows + piece(job.span[2]) - 1) / piece(job.span[2])), 1 << 30));
  return guarded(
      [&] { return with_type(job.type, [&](auto v) { return tasks<decltype(v)>(job, begin, end); }); });
}
}  // namespace anypool::ANYPOOL_ISA
