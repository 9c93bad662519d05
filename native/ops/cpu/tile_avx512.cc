// AVX-512 kernels of tiles. See CMakeLists.txt for how this file is compiled.
#include "ops/cpu/tile_kernels.h"

#include <immintrin.h>

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_avx512.inc"

constexpr int kPanelRows = 16;

#include "ops/cpu/tile_body.inc"

}  // namespace

const TileKernels tile_avx512 = {input, gradient, output, weights, weight_gradient, rows, columns};

}  // namespace finepune::cpu
