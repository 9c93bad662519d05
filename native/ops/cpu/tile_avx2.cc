// AVX2 kernels of tiles. See CMakeLists.txt for how this file is compiled.
#include "ops/cpu/tile_kernels.h"

#include <immintrin.h>

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_avx2.inc"

constexpr int kPanelRows = 6;

#include "ops/cpu/tile_body.inc"

}  // namespace

const TileKernels tile_avx2 = {input, gradient, output, weights, weight_gradient, rows, columns};

}  // namespace finepune::cpu
