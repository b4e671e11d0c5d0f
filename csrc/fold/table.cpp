// Which product of types has a lift, a merge and a finish.
#include "fold/finish.hpp"
#include "fold/footprint_counts.hpp"
#include "fold/stage.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
Passes* make_adder(std::int64_t merge, std::int64_t type, const anypool_job& job);
Passes* make_max(std::int64_t type, const anypool_job& job);
Passes* make_min(std::int64_t type, const anypool_job& job);
Passes* make_moments(std::int64_t type, const anypool_job& job);

Passes* make_engine(std::int64_t merge, std::int64_t type, const anypool_job& job) {
  if (merge == MOMENTS) return make_moments(type, job);
  return merge == MAX   ? make_max(type, job)
         : merge == MIN ? make_min(type, job)
                        : make_adder(merge, type, job);
}

namespace {
template <class F>
auto with_type(std::int64_t type, F f) -> decltype(f(float{})) {
  switch (type) {
    case F32: return f(float{});
    case F64: return f(double{});
    case F16: return f(Half{});
    case BF16: return f(Brain{});
    case U8: return f(std::uint8_t{});
    case I8: return f(std::int8_t{});
    case U16: return f(std::uint16_t{});
    case I16: return f(std::int16_t{});
    case U32: return f(std::uint32_t{});
    case I32: return f(std::int32_t{});
    case U64: return f(std::uint64_t{});
    case I64: return f(std::int64_t{});
    default: return nullptr;
  }
}
template <class T>
constexpr bool half = std::is_same_v<T, Half> || std::is_same_v<T, Brain>;
template <class T>
constexpr bool small_float = half<T> || std::is_same_v<T, float>;
// Planes hold the type itself, float for halves, double and 64-bit integers for whatever they serve, bytes
// for truth.
template <class T, class A>
constexpr bool meets =
    std::is_same_v<T, A> || (std::is_same_v<A, float> && half<T>) || std::is_same_v<A, double> ||
    (std::is_same_v<A, std::int64_t> && (std::is_integral_v<T> || sizeof(T) <= 4)) ||
    (std::is_same_v<A, std::uint64_t> && std::is_integral_v<T>) || std::is_same_v<A, std::uint8_t>;
}  // namespace

Passes* make_counts(std::int64_t type, const anypool_job& job) {
  return with_type(type, [&](auto a) -> Passes* {
    using A = decltype(a);
    if constexpr (!half<A>) return new FootprintCounts<A>(job);
    return nullptr;
  });
}

Stager* make_stager(std::int64_t x_type, std::int64_t plane_type, const anypool_job& job, int lead) {
  return with_type(x_type, [&](auto t) -> Stager* {
    return with_type(plane_type, [&](auto a) -> Stager* {
      using T = decltype(t);
      using A = decltype(a);
      if constexpr (!half<A>)
        if constexpr (meets<T, A>) return new Stage<T, A>(job, lead);
      return nullptr;
    });
  });
}

Finisher* make_finisher(std::int64_t plane_type, std::int64_t y_type, const anypool_job& job, int lead) {
  return with_type(plane_type, [&](auto a) -> Finisher* {
    return with_type(y_type, [&](auto y) -> Finisher* {
      using A = decltype(a);
      using Y = decltype(y);
      constexpr bool same = std::is_same_v<A, Y>, floats = (std::is_same_v<A, float> && half<Y>) ||
                                                           (std::is_same_v<A, double> && small_float<Y>);
      if constexpr (!half<A>)
        if constexpr (same || floats || (std::is_same_v<A, std::int64_t> && sizeof(Y) <= 4))
          return new Answer<A, Y>(job, lead);
      return nullptr;
    });
  });
}
}  // namespace anypool::ANYPOOL_ISA
