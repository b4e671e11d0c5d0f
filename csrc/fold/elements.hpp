// Rows of x's element types read as numbers of a plane, and rows of a plane written in y's element types.
// Lifts and finishes call them by address, so that those exist once for each type of planes.
#pragma once
#include <bit>
#include <limits>

#include "abi/job.hpp"
#include "fold/selected.hpp"
#include "simd/element_types.hpp"
#include "simd/halves.hpp"

namespace anypool::ANYPOOL_ISA {
template <class T>
constexpr bool is_half = std::is_same_v<T, Half> || std::is_same_v<T, Brain>;
template <class T>
constexpr bool is_float = std::is_floating_point_v<T> || is_half<T>;

// What positions are packed with: the code of the row's first element, how many lanes share a position, which
// element wins.
struct Packing {
  std::uint32_t code;
  Index lanes;
  bool least, last;
};

// Reads rows of x's type; a null member: no lift asks for it. `key` is of integers, see key_of.
template <class A>
struct Reader {
  Index width = 0;    // bytes of an element
  bool same = false;  // the elements are numbers of the plane, bit for bit
  void (*widen)(const void* x, A* to, Index n, A key) = nullptr;
  // Whether numbers are not 0; of absent elements `none`, and what is present as numbers too.
  void (*truth)(const void* x, A* to, Index n) = nullptr;
  void (*present_truth)(const void* x, const std::uint8_t* w, bool omit, A none, A* to, A* units,
                        Index n) = nullptr;
  void (*pack)(const void* x, A* to, Index n, Packing p) = nullptr;
  // Which elements are numbers and have a weight that is not 0; null: the type has no NaN.
  void (*present)(const void* x, const std::uint8_t* w, std::uint8_t* to, Index n) = nullptr;
};
// Writes rows in y's type.
template <class A>
struct Writer {
  Index width = 0;
  bool same = false, nans = false;  // whether y's type has NaN
  void (*narrow)(const A* from, void* y, Index n) = nullptr;
  void (*values)(const A* packed, void* y, Index n, std::int32_t flip) = nullptr;
  void (*fill)(void* y, Index n, double value) = nullptr;
  A empty = A(0);  // is written as the value of an empty window
};

// (order key, position) in one number: the greatest is the first of the greatest; a NaN beats all, the last
// one first.
template <class T, class A>
void pack_row(const T* x, A* to, Index n, Packing p) {
  const std::int32_t flip = p.least ? -1 : 0;
  const std::uint32_t turn = p.last ? 0 : ~std::uint32_t(0);
  auto one = [&](Index i, std::uint32_t at) {
    std::int32_t key;
    bool nan = false;
    if constexpr (std::is_integral_v<T>)
      key = sizeof(T) == 4 && std::is_unsigned_v<T> ? std::int32_t(std::uint32_t(x[i]) ^ 0x80000000u)
                                                    : std::int32_t(x[i]);
    else {
      const float v = number(x[i]) + 0.0f;  // -0 is 0
      const std::int32_t bits = std::bit_cast<std::int32_t>(v);
      key = bits ^ ((bits >> 31) & 0x7fffffff);
      nan = v != v;
    }
    key = nan ? std::numeric_limits<std::int32_t>::max() : key ^ flip;
    to[i] = A(std::uint64_t(std::uint32_t(key)) << 32 | (nan ? at : at ^ turn));
  };
  if (p.lanes == 1)
    for (Index i = 0; i < n; ++i) one(i, p.code + std::uint32_t(i));
  else
    for (Index i = 0; i < n; ++i) one(i, p.code + std::uint32_t(i / p.lanes));
}

template <class A>
Reader<A> reader_of(std::int64_t x_type) {
  return with_type(x_type, [](auto t) {
    using T = decltype(t);
    constexpr bool integers = std::is_integral_v<T> && std::is_integral_v<A>;
    Reader<A> r;
    r.width = sizeof(T), r.same = std::is_same_v<T, A> || (integers && sizeof(T) == sizeof(A));
    if constexpr (std::is_same_v<T, A> || (std::is_same_v<A, float> && is_half<T>) ||
                  std::is_same_v<A, double> || (integers && sizeof(T) == sizeof(A)) ||
                  (integers && sizeof(A) == 8))
      r.widen = [](const void* x, A* to, Index n, [[maybe_unused]] A key) {
        const T* from = static_cast<const T*>(x);
        if constexpr (integers)
          for (Index i = 0; i < n; ++i) to[i] = A(A(from[i]) ^ key);
        else widen(from, to, n);
      };
    if constexpr (std::is_same_v<A, std::uint8_t>) {
      r.truth = [](const void* x, A* to, Index n) {
        for (Index i = 0; i < n; ++i) to[i] = number(static_cast<const T*>(x)[i]) != 0;
      };
      r.present_truth = [](const void* x, const std::uint8_t* w, bool omit, A none, A* to, A* units,
                           Index n) {
#pragma GCC ivdep
        for (Index i = 0; i < n; ++i) {
          const auto v = number(static_cast<const T*>(x)[i]);
          const bool has = (w[i] != 0) & (!omit | (v == v));
          to[i] = has ? A(v != 0) : none, units[i] = A(has);
        }
      };
    }
    if constexpr (std::is_same_v<A, std::int64_t> && sizeof(T) <= 4)
      r.pack = [](const void* x, A* to, Index n, Packing p) { pack_row(static_cast<const T*>(x), to, n, p); };
    if constexpr (is_float<T>)
      r.present = [](const void* x, const std::uint8_t* w, std::uint8_t* to, Index n) {
        for (Index i = 0; i < n; ++i) {
          const auto v = number(static_cast<const T*>(x)[i]);
          to[i] = (w[i] != 0) & (v == v);
        }
      };
    return r;
  });
}

template <class A>
Writer<A> writer_of(std::int64_t y_type, double empty) {
  return with_type(y_type, [=](auto t) {
    using Y = decltype(t);
    constexpr bool integers = std::is_integral_v<Y> && std::is_integral_v<A>,
                   same = std::is_same_v<Y, A> || (integers && sizeof(Y) == sizeof(A));
    constexpr bool selects = std::is_same_v<A, std::int64_t> && sizeof(Y) <= 4;
    Writer<A> w;
    w.width = sizeof(Y), w.same = same, w.nans = is_float<Y>;
    if constexpr (same || (std::is_same_v<A, float> && is_half<Y>) ||
                  (std::is_same_v<A, double> && is_float<Y>))
      w.narrow = [](const A* from, void* y, Index n) { narrow(from, static_cast<Y*>(y), n); };
    if constexpr (selects)
      w.values = [](const A* packed, void* y, Index n, std::int32_t flip) {
        for (Index i = 0; i < n; ++i)
          value_of_key(std::int32_t(packed[i] >> 32), flip, static_cast<Y*>(y)[i]);
      };
    if constexpr (same || selects || std::is_floating_point_v<A>)
      w.fill = [](void* y, Index n, double value) {
        Y v;
        narrow(value, v);  // not through A, which may be an integer of keys
        std::fill_n(static_cast<Y*>(y), n, v);
      };
    if constexpr (std::is_floating_point_v<A>) w.empty = A(empty);
    else if constexpr (integers) w.empty = A(empty == empty ? Y(empty) : Y(0));
    return w;
  });
}
}  // namespace anypool::ANYPOOL_ISA
