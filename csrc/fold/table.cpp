// Which types of planes have a lift, a merge and a finish.
#include "fold/finish.hpp"
#include "fold/footprint_counts.hpp"
#include "fold/stage.hpp"
#include "fold/tile.hpp"

namespace anypool::ANYPOOL_ISA {
namespace {
// Calls f with a number of a type that is folded, or returns null.
template <class F>
auto with_folded(std::int64_t type, F f) -> decltype(f(float{})) {
  switch (type) {
    case F32: return f(float{});
    case F64: return f(double{});
    case U8: return f(std::uint8_t{});
    case U16: return f(std::uint16_t{});
    case I32: return f(std::int32_t{});
    case I64: return f(std::int64_t{});
    default: return nullptr;
  }
}
// A lift or a finish for planes of this type; null where it cannot serve the job.
template <template <class> class Made, class Base>
Base* made(std::int64_t type, const anypool_job& job, int lead) {
  return with_folded(type, [&](auto a) -> Base* {
    auto fresh = std::make_unique<Made<decltype(a)>>(job, lead);
    return fresh->serves() ? fresh.release() : nullptr;
  });
}
}  // namespace

Passes* make_engine(std::int64_t merge, std::int64_t type, const anypool_job& job) {
  if (merge == MOMENTS) return make_moments(type, job);
  return type == F32   ? make_single(merge, job)
         : type == F64 ? make_double(merge, job)
                       : make_integer(merge, type, job);
}
Passes* make_counts(std::int64_t type, const anypool_job& job) {
  return with_folded(type, [&](auto a) -> Passes* { return new FootprintCounts<decltype(a)>(job); });
}
Stager* make_stager(std::int64_t type, const anypool_job& job, int lead) {
  return made<Stage, Stager>(type, job, lead);
}
Finisher* make_finisher(std::int64_t type, const anypool_job& job, int lead) {
  return made<Answer, Finisher>(type, job, lead);
}
}  // namespace anypool::ANYPOOL_ISA
