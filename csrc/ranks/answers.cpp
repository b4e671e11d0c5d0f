// Answers of order statistics, compiled once for every engine.
#include <algorithm>
#include <cstring>

#include "abi/job.hpp"
#include "ranks/answers.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
template <class S, class K, class Y>
struct Writer {
  using T = typename K::Lane;
  using R = typename K::Real;
  using N =
      std::conditional_t<sizeof(T) == 1, std::int8_t,
                         std::conditional_t<sizeof(T) == 2, std::int16_t,
                                            std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>>;
  const anypool_orders& job;

  bool give(const T* const* row, Index n, Index apart, Y* y, const std::uint8_t* count, bool chosen) const {
    if (!job.terms) return two(row[0], row[job.ranks > 1], n, apart, y, job.share), false;
    constexpr Index block = 64;  // windows of one count share their terms: most do
    bool undefined = false;
    for (Index b = 0; b < n; b += block, y += block * apart) {
      const Index m = std::min(block, n - b);
      N many[block]{};  // counts, as wide as the lanes
      N fewest = N(count ? count[b] : job.full), most = fewest;
      for (Index i = 0; count && i < m; ++i) many[i] = N(count[b + i]);
      for (Index i = 0; count && i < m; ++i)
        fewest = std::min(fewest, many[i]), most = std::max(most, many[i]);
      if (fewest < most) {
        if (job.terms > 2)
          for (Index i = 0; i < m; ++i) sum(row, b + i, 1, many[i], apart, y + i * apart);
        else if (chosen) pairs(row[0] + b, row[1] + b, many, m, apart, y);
        else by_count(row, b, many, fewest, most, m, apart, y);
      } else if (job.terms > 2) sum(row, b, m, fewest, apart, y);
      else if (const Index c = fewest; job.low[c] >= 0)
        two(row[chosen ? 0 : job.low[c]] + b, row[chosen ? 1 : job.high[c]] + b, m, apart, y, job.shares[c]);
      for (Index c = fewest; c <= most; ++c)
        if (job.low[c] < 0) {
          Y none;
          std::memcpy(static_cast<void*>(&none), &job.empty, sizeof(Y));
          for (Index i = 0; i < m; ++i)
            if (fewest == most || many[i] == N(c)) y[i * apart] = none, undefined = true;
        }
    }
    return undefined && !job.has_empty;
  }
  // Windows of different counts: few counts are next to each other. One by one took several times as long.
  void by_count(const T* const* row, Index b, const N* many, N fewest, N most, Index m, Index apart,
                Y* y) const {
    T low[64], high[64];
    Index i = 0;
    for (; i + Lanes<T>::n <= m; i += Lanes<T>::n) {
      const auto held = Lanes<N>::load(many + i);
      typename Lanes<T>::V l{}, h{};
      for (Index k = fewest; k <= most; ++k)
        if (job.low[k] >= 0) {
          const auto here = held == N(k);
          l = here ? Lanes<T>::load(row[job.low[k]] + b + i) : l,
          h = here ? Lanes<T>::load(row[job.high[k]] + b + i) : h;
        }
      Lanes<T>::store(low + i, l), Lanes<T>::store(high + i, h);
    }
    for (; i < m; ++i)
      low[i] = row[std::max(job.low[many[i]], 0)][b + i],
      high[i] = row[std::max(job.high[many[i]], 0)][b + i];
    pairs(low, high, many, m, apart, y);
  }
  void pairs(const T* low, const T* high, const N* many, Index m, Index apart, Y* y) const {
    if (job.blend < 2) return two(low, high, m, apart, y, 0.5);
    for (Index i = 0; i < m; ++i)
      narrow(blended(K::real(low[i]), K::real(high[i]), job.shares[many[i]]), y[i * apart]);
  }

  R blended(R a, R b, double part) const {
    const R share = R(part), rest = R(1 - part);
    const R mixed = job.blend == 1 ? (a + b) * R(0.5) : part < 0.5 ? a + (b - a) * share : b - (b - a) * rest;
    return a == b ? a : mixed;
  }
  __attribute__((noinline)) void two(const T* low, const T* high, Index n, Index apart, Y* y,
                                     double part) const {
    if constexpr (std::is_same_v<Y, S>)
      if (!job.blend) {
        if (apart == 1)
          for (Index i = 0; i < n; ++i) y[i] = K::out(low[i]);
        else
          for (Index i = 0; i < n; ++i) y[i * apart] = K::out(low[i]);
        return;
      }
    for (Index i = 0; i < n; ++i)
      narrow(job.blend ? blended(K::real(low[i]), K::real(high[i]), part) : K::real(low[i]), y[i * apart]);
  }
  // What has no share is no part, an infinity neither.
  __attribute__((noinline)) void sum(const T* const* row, Index begin, Index n, Index count, Index apart,
                                     Y* y) const {
    R total[64] = {};
    const double* share = job.coefficients + count * job.ranks;
    for (Index k = 0; k < job.ranks; ++k)
      if (const R s = R(share[k]); s != 0)
        for (Index i = 0; i < n; ++i) total[i] += s * K::real(row[k][begin + i]);
    for (Index i = 0; i < n; ++i) narrow(total[i], y[i * apart]);
  }
};
}  // namespace

template <class S, class K>
bool OrderAnswers<S, K>::write(const anypool_orders& job, const T* const* row, Index n, Index apart, void* y,
                               bool real, const std::uint8_t* count, bool chosen) {
  if (real) return Writer<S, K, double>{job}.give(row, n, apart, static_cast<double*>(y), count, chosen);
  return Writer<S, K, S>{job}.give(row, n, apart, static_cast<S*>(y), count, chosen);
}

template struct OrderAnswers<float, Bare>;
template struct OrderAnswers<float, Keys<float>>;
template struct OrderAnswers<double, Keys<double>>;
template struct OrderAnswers<Half, Keys<Half>>;
template struct OrderAnswers<Brain, Keys<Brain>>;
template struct OrderAnswers<std::uint8_t, Keys<std::uint8_t>>;
template struct OrderAnswers<std::int8_t, Keys<std::int8_t>>;
template struct OrderAnswers<std::uint16_t, Keys<std::uint16_t>>;
template struct OrderAnswers<std::int16_t, Keys<std::int16_t>>;
template struct OrderAnswers<std::uint32_t, Keys<std::uint32_t>>;
template struct OrderAnswers<std::int32_t, Keys<std::int32_t>>;
template struct OrderAnswers<std::uint64_t, Keys<std::uint64_t>>;
template struct OrderAnswers<std::int64_t, Keys<std::int64_t>>;
}  // namespace anypool::ANYPOOL_ISA
