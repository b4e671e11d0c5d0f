// The gradient of weighted sums and means of regular windows, item by item in the second-level cache: of x,
// and of weights or their logarithms.
#include <algorithm>
#include <cmath>

#include "abi/guarded.hpp"
#include "abi/weighted.hpp"
#include "fold/powers.hpp"
#include "fold/scaled_rows.hpp"
#include "simd/scratch.hpp"

namespace anypool::ANYPOOL_ISA {
int forward(const anypool_job& job, std::int64_t begin, std::int64_t end);
namespace {
template <class T>
class Items {
 public:
  explicit Items(const anypool_weighted& job_) : job(job_) {
    share.resize(job.elements), part.resize(job.windows), other.resize(job.windows);
    if (job.total) total.resize(job.windows);
  }

  int item(Index i) {
    const Index first = i * job.elements, window = i * job.windows;
    const T *x = static_cast<const T*>(job.x) + first, *w = weights(first, x);
    const T *g = static_cast<const T*>(job.g) + window, *y = static_cast<const T*>(job.y) + window;
    T* gx = static_cast<T*>(job.gx) + first;
    if (!w) return DECLINED;
    if (job.total)
      if (const int failed = fold(*job.total, w, total.data())) return failed;
    if (!shared(g, y)) return DECLINED;
    if (const int failed = fold(*job.adjoint, part.data(), gx)) return failed;
    if (!job.gw) return product(gx, w) ? DONE : DECLINED;
    T* gw = static_cast<T*>(job.gw) + first;
    if (job.total)
      if (const int failed = fold(*job.adjoint, other.data(), gw)) return failed;
    return both(x, w, gx, gw) ? DONE : DECLINED;
  }

 private:
  using L = Lanes<T>;
  using Found = decltype(typename L::V{} < typename L::V{});
  // A total of weights e^(a - the greatest a of the item) below this has lost digits.
  static constexpr T least_ = std::is_same_v<T, float> ? T(4e-18) : T(1e-130);
  const anypool_weighted& job;
  Scratch<T> share, part, other, total;

  static int fold(const anypool_job& job_, const T* x, T* y) {
    anypool_job call = job_;
    call.x = x, call.y = y;
    return forward(call, 0, tiles(call));
  }
  const T* weights(Index first, const T* x) {
    if (job.w_type == U8) {
      const auto* mask = static_cast<const std::uint8_t*>(job.w) + first;
#pragma GCC ivdep
      for (Index i = 0; i < job.elements; ++i) share[i] = T(mask[i] != 0);
      return share.data();
    }
    const T* w = static_cast<const T*>(job.w) + first;
    if (!job.logs) return w;
    const double top = double(greatest_of_row(w, job.elements));
    anypool_job plain{};
    powers_of_logarithms(plain, x, w, job.elements, std::isfinite(top) ? top : 0, share.data());
    return share.data();
  }
  // The gradient of each window divided by its total weight, and that times its result.
  bool shared(const T* g, const T* y) {
    Found lost{};
    T* const h = part.data();
    T* const hy = other.data();
    const T* const sum = job.total ? total.data() : nullptr;
    const bool logs = job.logs, learns = job.gw != nullptr && job.total;
    each<T>(job.windows, [&](Index i, auto whole) ANYPOOL_FLAT {
      auto v = get(g + i, whole);
      if (sum) {
        const auto n = get(sum + i, whole);
        if (logs) lost |= n < least_;
        v = n == 0 ? typename L::V{} : v / n;
      }
      put(h + i, v, whole);
      if (learns) put(hy + i, v == 0 ? typename L::V{} : v * get(y + i, whole), whole);
    });
    if (logs && any(lost))  // the vector that is not whole reads zeros beyond its end
      for (Index i = 0; i < job.windows; ++i)
        if (sum[i] < least_) return false;
    return true;
  }
  bool product(T* gx, const T* w) {
    Found odd{};
    each<T>(job.elements, [&](Index i, auto whole) ANYPOOL_FLAT {
      const auto v = get(gx + i, whole) * get(w + i, whole);
      odd |= v - v != 0;
      put(gx + i, v, whole);
    });
    return !any(odd);
  }
  bool both(const T* x, const T* w, T* gx, T* gw) {
    Found odd{};
    const bool logs = job.logs, divides = job.total;
    each<T>(job.elements, [&](Index i, auto whole) ANYPOOL_FLAT {
      const auto s = get(gx + i, whole), e = get(w + i, whole), v = get(x + i, whole);
      auto d = divides ? v * s - get(gw + i, whole) : v * s;
      d = e == 0 ? typename L::V{} : logs ? d * e : d;
      const auto p = s * e;
      odd |= (p - p != 0) | (d - d != 0);
      put(gx + i, p, whole), put(gw + i, d, whole);
    });
    return !any(odd);
  }
};

template <class T>
class RowGradients : ScaledRows<T> {
 public:
  using ScaledRows<T>::ScaledRows;

  int item(Index i, T* gw) {
    const auto [x, w] = this->offsets(i);
    const auto& job = this->job;
    const Index c = job.inner;
    const Index first = i * this->a.windows * c;
    for (Index o = 0; o < this->a.windows; ++o) {
      const T *y = static_cast<const T*>(job.y) + first + o * c,
              *g = static_cast<const T*>(job.g) + first + o * c;
      if (!this->weights_of(o, w)) return INVALID_WEIGHT;
      double total = 0, back = 0;
      for (const T e : this->share) total += double(e);
      for (Index lane = 0; gw && total != 0 && lane < c; ++lane) back += double(g[lane]) * double(y[lane]);
      if (back - back != 0) return DECLINED;
      Index k = 0;
      const Index present = Index(this->at.size());
      for (Index r = 0; r < this->a.length[o]; ++r) {
        const Index p = this->a.first[o] + r * this->a.step, row = x + p * this->a.x_stride;
        T* gx = static_cast<T*>(job.place) + row;
        const bool has = total != 0 && k < present && this->at[k] == p * this->a.x_stride;
        const T e = has ? T(double(this->share[k]) / total) : T(0);
        if (!has) std::fill_n(gx, c, T(0));
        else if (gw) {
          const T d = scaled<true>(static_cast<const T*>(job.x) + row, g, gx, e, c);
          if (d - d != 0) return DECLINED;
          gw[w + p * this->a.w_stride] = T((double(d) - back) * (job.logs ? double(e) : 1 / total));
        } else scaled<false>(nullptr, g, gx, e, c);
        if (gw && !has) gw[w + p * this->a.w_stride] = T(0);
        k += has;
      }
    }
    return DONE;
  }

 private:
  // gx = e · g; the inner product of x and g.
  template <bool learns>
  static T scaled(const T* x, const T* g, T* gx, T e, Index c) {
    using L = Lanes<T>;
    typename L::V sum{};
    if constexpr (learns) ask<0>(x, 8192, c * Index(sizeof(T)));
    each<T>(c, [&](Index i, auto whole) ANYPOOL_FLAT {
      const auto v = get(g + i, whole);
      put(gx + i, v * e, whole);
      if constexpr (learns) sum = fused(get(x + i, whole), v, sum);
    });
    T total = 0;
    for (Index i = 0; learns && i < L::n; ++i) total += sum[i];
    return total;
  }
};

template <class T>
int all_items(const anypool_weighted& job, Index begin, Index end) {
  Items<T> items(job);
  for (Index i = begin; i < end; ++i)
    if (const int failed = items.item(i)) return failed;
  return DONE;
}
template <class T>
int all_rows(const anypool_job& job, void* gw, Index begin, Index end) {
  const int lead = cut(job).lead;
  if (!ScaledRows<T>::serve(job, lead)) return DECLINED;
  RowGradients<T> rows(job, lead);
  for (Index i = begin; i < end; ++i)
    if (const int failed = rows.item(i, static_cast<T*>(gw))) return failed;
  return DONE;
}
}  // namespace

int weighted(const anypool_weighted& job, std::int64_t begin, std::int64_t end);
int weighted(const anypool_weighted& job, std::int64_t begin, std::int64_t end) {
  return guarded([&] {
    return job.type == F32 ? all_items<float>(job, begin, end) : all_items<double>(job, begin, end);
  });
}
int weighted_rows(const anypool_job& job, void* gw, std::int64_t begin, std::int64_t end);
int weighted_rows(const anypool_job& job, void* gw, std::int64_t begin, std::int64_t end) {
  return guarded([&] {
    return job.x_type == F32 ? all_rows<float>(job, gw, begin, end) : all_rows<double>(job, gw, begin, end);
  });
}
}  // namespace anypool::ANYPOOL_ISA
