// The kernels of one instruction set as one table, and the table that this process uses.
#pragma once
#include "abi/job.hpp"
#include "abi/lists.hpp"
#include "abi/orders.hpp"
#include "abi/select.hpp"
#include "abi/sorted.hpp"
#include "abi/weighted.hpp"

namespace anypool {
// Rank statistics without a network: tasks [begin, end); begin < 0 asks how many there are.
using CountingKernel = int (*)(const anypool_orders&, std::int64_t begin, std::int64_t end);

struct Kernels {
  const char* name;  // empty: no instruction set of this library runs on this processor
  Kernel forward, places, owners, find;
  ListKernel lists;
  ListOrdersKernel list_orders;
  ListWeightsKernel list_weights;
  SortedKernel sorted;
  OrdersKernel orders;
  CountingKernel histogram, chains;
  SelectKernel select;
  WeightedKernel weighted;
  RowsKernel weighted_rows;
};

// The widest set that was built, that the processor runs, and that ANYPOOL_ISA allows; chosen once.
const Kernels& kernels();
}  // namespace anypool
