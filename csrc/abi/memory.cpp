// Scratch from the heap; or, for tests, between pages that nobody may touch.
#include "abi/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace anypool {
namespace {
enum class Guard { NONE, BEFORE, BEHIND };

Guard asked_for() {
  const char* word = std::getenv("ANYPOOL_GUARD");
  if (!word || !*word) return Guard::NONE;
  return std::strcmp(word, "before") ? Guard::BEHIND : Guard::BEFORE;
}

const Guard guard = asked_for();
const std::size_t page = std::size_t(sysconf(_SC_PAGESIZE));
constexpr unsigned char fresh = 0xff;  // a NaN, or -1: an element that nobody wrote is seen

// A block's pages, between the two that are forbidden.
std::size_t body(std::size_t bytes) { return (bytes + page - 1) / page * page; }
// From the first of those pages to the block.
std::size_t inset(std::size_t bytes) { return guard == Guard::BEHIND ? body(bytes) - bytes : 0; }

void* guarded_block(std::size_t bytes) {
  const std::size_t inner = body(bytes);
  void* all = mmap(nullptr, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  char* first = static_cast<char*>(all) + page;
  if (inner && mprotect(first, inner, PROT_READ | PROT_WRITE)) {
    munmap(all, inner + 2 * page);
    throw std::bad_alloc();
  }
  std::memset(first, fresh, inner);
  return first + inset(bytes);
}

void return_guarded(void* p, std::size_t bytes) {
  const std::size_t inner = body(bytes), before = inset(bytes);
  auto* first = static_cast<unsigned char*>(p) - before;
  for (std::size_t i = 0; i < inner; ++i)
    if ((i < before || i >= before + bytes) && first[i] != fresh) {
      std::fprintf(stderr, "anypool: a byte %zu bytes %s a block of %zu bytes of scratch was written\n",
                   i < before ? before - i : i - before - bytes + 1, i < before ? "before" : "behind", bytes);
      std::abort();
    }
  munmap(first - page, inner + 2 * page);
}
}  // namespace

bool guarded() noexcept { return guard != Guard::NONE; }

void* take_memory(std::size_t bytes, std::size_t align) {
  if (guarded()) return guarded_block(bytes);
  return align > __STDCPP_DEFAULT_NEW_ALIGNMENT__ ? ::operator new(bytes, std::align_val_t(align))
                                                  : ::operator new(bytes);
}
void return_memory(void* p, std::size_t bytes, std::size_t align) noexcept {
  if (guarded()) return_guarded(p, bytes);
  else if (align > __STDCPP_DEFAULT_NEW_ALIGNMENT__) ::operator delete(p, std::align_val_t(align));
  else ::operator delete(p);
}
}  // namespace anypool
