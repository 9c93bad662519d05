// Kernels of tiles for every x86-64.
#include "ops/cpu/tile_kernels.h"

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_portable.inc"

constexpr int kPanelRows = 2;

#include "ops/cpu/tile_body.inc"

}  // namespace

const TileKernels tile_portable = {input, gradient, output, weights, weight_gradient, rows, columns};

}  // namespace finepune::cpu
