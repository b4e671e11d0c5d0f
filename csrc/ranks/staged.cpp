// Generated networks over staged rows.
#include "abi/orders.hpp"
#include "ranks/words.hpp"

namespace anypool::ANYPOOL_ISA {
#include "networks_staged.inc"

template Straight<std::uint8_t> straight_network(std::uint64_t);
template Straight<std::uint16_t> straight_network(std::uint64_t);
template Straight<std::int32_t> straight_network(std::uint64_t);
template Straight<float> straight_network(std::uint64_t);
}  // namespace anypool::ANYPOOL_ISA
