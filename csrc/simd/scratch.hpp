// Scratch of kernels: rows of lanes, which begin on a cache line, since a vector of 64 bytes elsewhere
// touches two lines each time; and tables.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "abi/memory.hpp"

namespace anypool::ANYPOOL_ISA {
template <class T, std::size_t align>
struct Taken {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = Taken<U, align>;
  };
  static constexpr std::size_t begins = std::max(align, alignof(T));
  Taken() = default;
  template <class U>
  Taken(const Taken<U, align>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(take_memory(n * sizeof(T), begins)); }
  void deallocate(T* p, std::size_t n) { return_memory(p, n * sizeof(T), begins); }
  bool operator==(const Taken&) const { return true; }
};
template <class T>
using Scratch = std::vector<T, Taken<T, 64>>;
template <class T>
using Array = std::vector<T, Taken<T, 1>>;

// Room for n elements: those that `v` holds, where they are enough; else new ones.
template <class V>
auto* room(V& v, std::int64_t n, typename V::value_type fresh = {}) {
  const auto held = std::int64_t(v.size());
  if (held < n || (held != n && guarded())) v = V(), v = V(n, fresh);
  return v.data();
}
}  // namespace anypool::ANYPOOL_ISA
