// Prints the widest instruction set that this processor runs: the build runs it for ANYPOOL_ISAS=native.
// It asks dispatch.cpp, so that the build and the library agree.
#define ANYPOOL_BUILT_BASELINE 1
#define ANYPOOL_BUILT_AVX2 1
#define ANYPOOL_BUILT_AVX512 1
#include "abi/dispatch.cpp"

#include <cstdio>

namespace anypool {
namespace baseline {
const Kernels table = {.name = "baseline"};
}
namespace avx2 {
const Kernels table = {.name = "avx2"};
}
namespace avx512 {
const Kernels table = {.name = "avx512"};
}
}  // namespace anypool

int main() {
  unsetenv("ANYPOOL_ISA");  // it limits a process, not a build
  std::puts(anypool::kernels().name);
}
