// Chooses the instruction set of this process.
#include <cstdlib>
#include <cstring>

#include "abi/kernels.hpp"

#ifdef ANYPOOL_X86
#include <cpuid.h>
#endif

namespace anypool {
#ifdef ANYPOOL_BUILT_BASELINE
namespace baseline {
extern const Kernels table;
}
#endif
#ifdef ANYPOOL_BUILT_AVX2
namespace avx2 {
extern const Kernels table;
}
#endif
#ifdef ANYPOOL_BUILT_AVX512
namespace avx512 {
extern const Kernels table;
}
#endif

namespace {
#ifdef ANYPOOL_X86
// __builtin_cpu_supports does not know this feature by name in every compiler.
bool converts_halves() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
bool runs_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && converts_halves();
}
bool runs_avx512() {
  return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

const Kernels* choose() {
  static const Kernels none{};
  const Kernels* best = nullptr;
  [[maybe_unused]] const char* most = std::getenv("ANYPOOL_ISA");  // the widest set that the user allows
  [[maybe_unused]] const auto allows = [&](const char* set, const char* wider) {
    return !most || !*most || !std::strcmp(most, set) || !std::strcmp(most, wider);
  };
#ifdef ANYPOOL_X86
  __builtin_cpu_init();
#ifdef ANYPOOL_BUILT_AVX512
  if (!best && runs_avx512() && allows("avx512", "avx512")) best = &avx512::table;
#endif
#ifdef ANYPOOL_BUILT_AVX2
  if (!best && runs_avx2() && allows("avx2", "avx512")) best = &avx2::table;
#endif
#endif
#ifdef ANYPOOL_BUILT_BASELINE
  if (!best) best = &baseline::table;
#endif
  return best ? best : &none;
}
}  // namespace

const Kernels& kernels() {
  static const Kernels* const chosen = choose();
  return *chosen;
}
}  // namespace anypool
