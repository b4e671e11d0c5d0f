// The table of this instruction set's kernels.
#include "abi/kernels.hpp"

namespace anypool::ANYPOOL_ISA {
int forward(const anypool_job&, std::int64_t, std::int64_t);
int places(const anypool_job&, std::int64_t, std::int64_t);
int owners(const anypool_job&, std::int64_t, std::int64_t);
int find(const anypool_job&, std::int64_t, std::int64_t);
int lists(const anypool_lists&, int, std::int64_t, std::int64_t);
int list_orders(const anypool_list_orders&, std::int64_t, std::int64_t);
int list_weights(const anypool_lists&, double* const*, std::int64_t, std::int64_t);
int sorted(const anypool_sorted&, int, std::int64_t, std::int64_t);
int orders(const anypool_orders&, const OrdersCut&, std::int64_t, std::int64_t);
int histogram(const anypool_orders&, std::int64_t, std::int64_t);
int chains(const anypool_orders&, std::int64_t, std::int64_t);
int select(const anypool_select&, std::int64_t);
int weighted(const anypool_weighted&, std::int64_t, std::int64_t);
int weighted_rows(const anypool_job&, void*, std::int64_t, std::int64_t);

#define ANYPOOL_TEXT_OF(word) #word
#define ANYPOOL_TEXT(word) ANYPOOL_TEXT_OF(word)
#ifdef __ARM_NEON
#define ANYPOOL_SET_NAME "neon"
#else
#define ANYPOOL_SET_NAME ANYPOOL_TEXT(ANYPOOL_ISA)
#endif

extern const Kernels table;
const Kernels table{ANYPOOL_SET_NAME, forward,      places,       owners, find,      lists,
                    list_orders,      list_weights, sorted,       orders, histogram, chains,
                    select,           weighted,     weighted_rows};
}  // namespace anypool::ANYPOOL_ISA
