#include "local_response_kernel.h"

#include <cmath>
#include <vector>

#include <ATen/Parallel.h>

// The loops below are plain so that the compiler vectorises them; clones for newer processors are picked at load time,
// because the library itself is built for every x86-64. CMakeLists.txt keeps errno out of this file: setting it, square
// roots are taken one by one.
#if defined(__GNUC__) && !defined(__clang__)
#define FINEPUNE_VECTOR_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define FINEPUNE_VECTOR_CLONES
#endif

namespace finepune {
namespace {

constexpr int64_t kPixelGrain = 64;

// scale[c] = d_c (where asked) and power[c] = d_c^-beta, from squares padded with zeros: squares[c + j] is the j-th
// cell of c's window.
FINEPUNE_VECTOR_CLONES
void scales_and_powers(const float* __restrict squares, float* __restrict scale, float* __restrict power,
                       int64_t channels, int64_t size, float factor, float bias, float beta) {
  for (int64_t c = 0; c < channels; ++c) scale[c] = squares[c];
  for (int64_t j = 1; j < size; ++j) {
    for (int64_t c = 0; c < channels; ++c) scale[c] += squares[c + j];
  }
  for (int64_t c = 0; c < channels; ++c) scale[c] = bias + factor * scale[c];
  if (beta == 0.75f) {
    // The beta of every published network; square roots vectorise, pow does not.
    for (int64_t c = 0; c < channels; ++c) {
      const float root = std::sqrt(scale[c]);
      power[c] = 1.0f / (root * std::sqrt(root));
    }
  } else if (beta == 0.5f) {
    for (int64_t c = 0; c < channels; ++c) power[c] = 1.0f / std::sqrt(scale[c]);
  } else {
    for (int64_t c = 0; c < channels; ++c) power[c] = std::pow(scale[c], -beta);
  }
}

FINEPUNE_VECTOR_CLONES
void square(const float* __restrict values, float* __restrict squares, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) squares[c] = values[c] * values[c];
}

FINEPUNE_VECTOR_CLONES
void multiply(const float* __restrict left, const float* __restrict right, float* __restrict product,
              int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) product[c] = left[c] * right[c];
}

// ratios[c] = g_c x_c d_c^(-beta - 1)
FINEPUNE_VECTOR_CLONES
void ratio(const float* __restrict gradient, const float* __restrict input, const float* __restrict scale,
           const float* __restrict power, float* __restrict ratios, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) ratios[c] = gradient[c] * input[c] * power[c] / scale[c];
}

// ratios is padded with zeros; ratios[c + j] for 0 <= j < size are the outputs that read input c.
FINEPUNE_VECTOR_CLONES
void gather(const float* __restrict gradient, const float* __restrict input, const float* __restrict ratios,
            const float* __restrict power, float* __restrict sums, float* __restrict input_gradient, int64_t channels,
            int64_t size, float factor) {
  for (int64_t c = 0; c < channels; ++c) sums[c] = ratios[c];
  for (int64_t j = 1; j < size; ++j) {
    for (int64_t c = 0; c < channels; ++c) sums[c] += ratios[c + j];
  }
  for (int64_t c = 0; c < channels; ++c) input_gradient[c] = gradient[c] * power[c] - factor * input[c] * sums[c];
}

}  // namespace

void local_response_forward(const LocalResponse& rule, const float* input, float* output, int64_t pixels,
                            int64_t channels) {
  const float factor = rule.alpha / static_cast<float>(rule.size);
  at::parallel_for(0, pixels, kPixelGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> squares(channels + rule.size, 0.0f), scale(channels), power(channels);
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const float* values = input + pixel * channels;
      square(values, squares.data() + rule.before(), channels);
      scales_and_powers(squares.data(), scale.data(), power.data(), channels, rule.size, factor, rule.bias, rule.beta);
      multiply(values, power.data(), output + pixel * channels, channels);
    }
  });
}

void local_response_backward(const LocalResponse& rule, const float* gradient, const float* input,
                             float* input_gradient, int64_t pixels, int64_t channels) {
  const float factor = rule.alpha / static_cast<float>(rule.size);
  at::parallel_for(0, pixels, kPixelGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> squares(channels + rule.size, 0.0f), ratios(channels + rule.size, 0.0f);
    std::vector<float> scale(channels), power(channels), sums(channels);
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const float* g = gradient + pixel * channels;
      const float* x = input + pixel * channels;
      square(x, squares.data() + rule.before(), channels);
      scales_and_powers(squares.data(), scale.data(), power.data(), channels, rule.size, factor, rule.bias, rule.beta);
      // Output j reads inputs j - before .. j + after, so input c is read by outputs c - after .. c + before.
      ratio(g, x, scale.data(), power.data(), ratios.data() + rule.after(), channels);
      gather(g, x, ratios.data(), power.data(), sums.data(), input_gradient + pixel * channels, channels, rule.size,
             2.0f * rule.beta * factor);
    }
  });
}

}  // namespace finepune
