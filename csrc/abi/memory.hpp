// Where the memory of every kernel's scratch comes from.
#pragma once
#include <cstddef>

namespace anypool {
// `bytes` bytes, at least `align` aligned; throws std::bad_alloc. The environment's ANYPOOL_GUARD asks for
// blocks between pages that nobody may touch: with "behind" a block ends exactly where such a page begins,
// with "before" it begins where one ends.
void* take_memory(std::size_t bytes, std::size_t align);
void return_memory(void* p, std::size_t bytes, std::size_t align) noexcept;
// Whether blocks are guarded: then each is as large as what is asked for, so that no rest hides a step too
// far.
bool guarded() noexcept;
}  // namespace anypool
