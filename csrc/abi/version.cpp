// What the package asks when it loads the library: its version, and how large its records are.
#include <cstring>
#include <utility>

#include "abi/job.hpp"
#include "abi/lists.hpp"
#include "abi/orders.hpp"
#include "abi/select.hpp"
#include "abi/sorted.hpp"
#include "abi/version.hpp"
#include "abi/weighted.hpp"

// The size of the record in bytes, the version for "version", 0 for a name that is not known.
extern "C" __attribute__((visibility("default"))) std::int64_t anypool_abi(const char* name) noexcept {
  static constexpr std::pair<const char*, std::int64_t> answers[] = {
      {"version", ANYPOOL_ABI_VERSION},
      {"anypool_level", sizeof(anypool_level)},
      {"anypool_job", sizeof(anypool_job)},
      {"anypool_run", sizeof(anypool_run)},
      {"anypool_weighted", sizeof(anypool_weighted)},
      {"anypool_pick", sizeof(anypool_pick)},
      {"anypool_lists", sizeof(anypool_lists)},
      {"anypool_list_orders", sizeof(anypool_list_orders)},
      {"anypool_span", sizeof(anypool_span)},
      {"anypool_orders", sizeof(anypool_orders)},
      {"anypool_sorted", sizeof(anypool_sorted)},
      {"anypool_extent", sizeof(anypool_extent)},
      {"anypool_select", sizeof(anypool_select)},
  };
  for (const auto& [record, answer] : answers)
    if (!std::strcmp(record, name)) return answer;
  return 0;
}
