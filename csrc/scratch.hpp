// Scratch memory that begins on a cache line: a vector of 64 bytes elsewhere touches two lines, each time.
#pragma once
#include <new>
#include <vector>

namespace anypool::ANYPOOL_ISA {
template <class T>
struct OnLines {
  using value_type = T;
  OnLines() = default;
  template <class U>
  OnLines(const OnLines<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const OnLines&) const { return true; }
};
template <class T>
using Scratch = std::vector<T, OnLines<T>>;
}  // namespace anypool::ANYPOOL_ISA
