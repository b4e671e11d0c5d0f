// Ranks of large windows: two values of a sample enclose the rank, one pass counts what lies below them and
// keeps what lies between, and the rank is selected from that (Floyd & Rivest 1975).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <new>

#include "abi/guarded.hpp"
#include "abi/job.hpp"
#include "abi/pool.hpp"
#include "abi/select.hpp"
#include "ranks/keys.hpp"
#include "simd/compress.hpp"
#include "simd/element_types.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
constexpr Index BLOCK = 4096;                  // elements that are read at once, as keys
constexpr Index PIECE = 1 << 16;               // elements of a task; windows of more are read by all threads
constexpr Index DIRECT = 1 << 11;              // fewer elements are selected from without a sample
constexpr Index SAMPLE = 1 << 15, SHARE = 64;  // most elements of a sample, and which part of the window

// How many keys lie below `low`, equal it, lie between (those are kept), equal `high`, lie above.
template <class T>
struct Classes {
  T low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
  Index below = 0, lowest = 0, highest = 0, above = 0;
  bool nan = false;
  Array<T> between{};

  void add(const Classes& other) {
    below += other.below, lowest += other.lowest, highest += other.highest, above += other.above;
    nan |= other.nan;
    between.insert(between.end(), other.between.begin(), other.between.end());
  }

  // At most 127 vectors of keys, or BLOCK, with room for a vector behind them; `spare` holds as many.
  void take(const T* key, Index n, T* spare) {
    using L = Lanes<T>;
    using I = decltype(typename L::V{} == typename L::V{});
    const auto lower = L::fill(low), upper = L::fill(high);
    I less{}, upto{}, upto_high{};
    Index kept = 0, i = 0, under = 0, to_low = 0, to_high = 0;
    for (; i + L::n <= n; i += L::n) {
      const auto v = L::load(key + i);
      const I not_above_low = v <= lower, inside = ~not_above_low & (v < upper);
      less += v < lower, upto += not_above_low, upto_high += v <= upper;
      if (any(inside)) kept += compressed(spare + kept, v, inside);
    }
    for (Index k = 0; k < L::n; ++k) under -= less[k], to_low -= upto[k], to_high -= upto_high[k];
    for (; i < n; ++i) {
      under += key[i] < low, to_low += key[i] <= low, to_high += key[i] <= high;
      if (key[i] > low && key[i] < high) spare[kept++] = key[i];
    }
    if (low == high) to_high = to_low;
    between.insert(between.end(), spare, spare + kept);
    below += under, lowest += to_low - under, highest += to_high - to_low - kept, above += n - to_high;
  }
  // The key of a rank; false where it lies below or above.
  bool find(Index rank, T& key) {
    if ((rank -= below) < 0) return false;
    if (rank < lowest) return key = low, true;
    rank -= lowest;
    if (rank < Index(between.size())) {
      std::nth_element(between.begin(), between.begin() + rank, between.end());
      return key = between[rank], true;
    }
    return rank < Index(between.size()) + highest ? (key = high, true) : false;
  }
  // The keys of a rank and of the next one, or of the same.
  bool find(Index rank, Index next, T& key, T& key_of_next) {
    if (!find(rank, key)) return false;
    const Index at = rank - below - lowest, n = Index(between.size());
    if (next == rank) return key_of_next = key, true;
    if (at < 0 || at + 1 >= n) return find(next, key_of_next);
    return key_of_next = *std::min_element(between.begin() + at + 1, between.end()), true;
  }
  // The classes by a sample in which `part` of the keys lie before the rank.
  void enclose(Array<T>& sample, double part) {
    const Index m = Index(sample.size());
    if (m < 64) return;
    const double at = part * double(m - 1), margin = 2.5 * std::sqrt(double(m)) + 1;
    const Index from = Index(at - margin), to = Index(at + margin) + 1;
    const auto value = [&](Index k) {
      std::nth_element(sample.begin(), sample.begin() + k, sample.end());
      return sample[k];
    };
    if (at - margin >= 0) low = value(from);
    if (to < m) high = value(to);
  }
};

// One of each `step` places, without a period.
inline Index sampled(Index k, Index step) {
  return k * step + Index((std::uint64_t(k) * 0x9e3779b97f4a7c15ull >> 32) % std::uint64_t(step));
}

template <class S>
struct Select {
  using K = Ordered<S>;
  using T = typename K::Lane;
  using R = typename K::Real;
  const anypool_select& job;
  const std::int64_t threads;
  const bool lacks = job.mask || (job.omit && K::floats);
  const T nan = K::floats ? K::in(K::last()) : T{};
  const Index windows = job.axis[0].windows * job.axis[1].windows * job.axis[2].windows;

  // Elements of one window: `runs` of `length`, each element `stride` from the one before.
  struct Window {
    Index begin, n[3], stride[3], size;
  };
  Window window(Index number) const {
    Window w{job.row[number / windows], {}, {}, 1};
    for (Index k = 2, rest = number % windows; k >= 0; --k) {
      const auto& axis = job.axis[k];
      const Index o = rest % axis.windows;
      rest /= axis.windows;
      w.begin += axis.first[o], w.n[k] = axis.length[o], w.stride[k] = axis.stride, w.size *= axis.length[o];
    }
    return w;
  }
  static Index place(const Window& w, Index i) {
    const Index row = i / w.n[2];
    return w.begin + row / w.n[1] * w.stride[0] + row % w.n[1] * w.stride[1] + i % w.n[2] * w.stride[2];
  }

  // Keys of the present ones of n elements; how many. There is room for a vector behind them.
  Index keys(Index at, Index n, Index stride, T* to, bool& seen) const {
    const S* x = static_cast<const S*>(job.x) + at;
    const std::uint8_t* mask = job.mask ? job.mask + at : nullptr;
    if (stride != 1) {
      Index many = 0;
      for (Index i = 0; i < n; ++i) {
        to[many] = K::in(x[i * stride]);
        many += (!mask || mask[i * stride]) && !(job.omit && K::floats && to[many] == nan);
      }
      return watched(to, many, seen);
    }
    for (Index i = 0; i < n; ++i) to[i] = K::in(x[i]);
    if (!lacks) return watched(to, n, seen);
    using L = Lanes<T>;
    using I = decltype(typename L::V{} == typename L::V{});
    Index many = 0, i = 0;
    for (; i + L::n <= n; i += L::n) {
      const auto v = L::load(to + i);
      I here = I{} - 1;
      if (mask) here = (I)nonzero<T>(mask + i, std::integral_constant<Index, L::n>{});
      if (K::floats && job.omit) here &= v != L::fill(nan);
      many += compressed(to + many, v, here);
    }
    for (; i < n; ++i) {
      to[many] = to[i];
      many += (!mask || mask[i]) && !(job.omit && K::floats && to[i] == nan);
    }
    return watched(to, many, seen);
  }
  Index watched(const T* key, Index n, bool& seen) const {
    if constexpr (K::floats) {
      bool found = false;
      for (Index i = 0; i < n; ++i) found |= key[i] == nan;
      seen |= found;
    }
    return n;
  }

  // Elements [from, to) of a window, sorted into classes.
  void read(const Window& w, Index from, Index to, Classes<T>& into) const {
    constexpr Index block = std::min<Index>(BLOCK, 127 * Lanes<T>::n);  // lanes of a byte count no further
    T key[block + Lanes<T>::n], spare[block + Lanes<T>::n];
    while (from < to) {
      const Index n = std::min({to - from, w.n[2] - from % w.n[2], block});
      into.take(key, keys(place(w, from), n, w.stride[2], key, into.nan), spare);
      from += n;
    }
  }
  // All elements of a window, by all threads where they are many.
  void read(const Window& w, Classes<T>& into) const {
    const Index pieces = (w.size + PIECE - 1) / PIECE;
    if (pieces < 2) return read(w, 0, w.size, into);
    Array<Classes<T>> part(pieces, into);
    std::atomic<bool> failed{false};
    parallel(pieces, threads, [&](std::int64_t begin, std::int64_t end) {
      try {
        for (Index k = begin; k < end; ++k) read(w, k * PIECE, std::min((k + 1) * PIECE, w.size), part[k]);
      } catch (const std::bad_alloc&) { failed = true; }
    });
    if (failed) throw std::bad_alloc();
    for (const auto& one : part) into.add(one);
  }

  void answer(Index number) const {
    const Index low = job.low[number], high = job.high[number];
    if (low < 0) return give(number, true, false, T{}, T{});
    const Window w = window(number);
    Classes<T> classes;
    if (w.size > DIRECT) {
      const Index m = std::clamp(w.size / SHARE, DIRECT / 8, SAMPLE), step = w.size / m;
      Array<T> sample;
      sample.reserve(m);
      bool seen = false;
      T key[1 + Lanes<T>::n];
      for (Index k = 0; k < m; ++k)
        if (keys(place(w, sampled(k, step)), 1, 2, key, seen)) sample.push_back(key[0]);
      classes.enclose(sample, double(low) / double(std::max<Index>(job.count[number] - 1, 1)));
    }
    Classes<T> found = classes;
    read(w, found);
    T a{}, b{};
    const bool spoiled = found.nan && !job.ranked;
    if (!spoiled && !found.find(low, high, a, b)) {  // the sample deceived
      found = Classes<T>{};
      read(w, found);
      found.find(low, high, a, b);
    }
    give(number, false, spoiled, a, b);
  }

  R blended(R a, R b, double part) const {
    const R share = R(part), rest = R(1 - part);
    const R mixed = job.blend == 1 ? (a + b) * R(0.5) : part < 0.5 ? a + (b - a) * share : b - (b - a) * rest;
    return a == b || (job.blend == 2 && part == 0) ? a : mixed;
  }
  void give(Index number, bool none, bool spoiled, T a, T b) const {
    const auto put = [&](auto* y) {
      using Y = std::remove_reference_t<decltype(*y)>;
      y += number;
      if (none) std::memcpy(static_cast<void*>(y), &job.empty, sizeof(Y));
      else if constexpr (std::is_same_v<Y, S>) {
        if (spoiled) *y = K::last();
        else if (!job.blend) *y = K::out(a);
        else narrow(blended(K::real(a), K::real(b), job.share[number]), *y);
      } else *y = job.blend ? double(blended(K::real(a), K::real(b), job.share[number])) : double(K::real(a));
    };
    if (job.real) put(static_cast<double*>(job.y));
    else put(static_cast<S*>(job.y));
  }
};

template <class S>
int run(const anypool_select& job, std::int64_t threads) {
  const Select<S> all{job, threads};
  const Index many = job.rows * all.windows;
  if (many < 2 * threads) {
    for (Index k = 0; k < many; ++k) all.answer(k);
    return DONE;
  }
  std::atomic<int> outcome{DONE};
  parallel(many, threads, [&](std::int64_t begin, std::int64_t end) {
    try {
      for (Index k = begin; k < end; ++k) all.answer(k);
    } catch (const std::bad_alloc&) { outcome = NO_MEMORY; }
  });
  return outcome;
}
}  // namespace

int select(const anypool_select& job, std::int64_t threads);
int select(const anypool_select& job, std::int64_t threads) {
  return guarded([&] { return with_type(job.type, [&](auto v) { return run<decltype(v)>(job, threads); }); });
}
}  // namespace anypool::ANYPOOL_ISA
