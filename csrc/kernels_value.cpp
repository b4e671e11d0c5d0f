// The folds that keep one value a lane, for every floating type: this instruction set's part of the table.
#include "kernels.hpp"

namespace anypool::ANYPOOL_ISA {
extern const Kernel table[kernels];
const Kernel table[kernels] = {fold<Sum, float>,  fold<Mean, float>,  fold<Max, float>,  fold<Min, float>,
                               fold<Sum, double>, fold<Mean, double>, fold<Max, double>, fold<Min, double>};
}  // namespace anypool::ANYPOOL_ISA
