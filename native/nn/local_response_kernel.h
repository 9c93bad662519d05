// Local response normalization across channels (Krizhevsky, Sutskever, Hinton, NIPS 2012, section 3.3), ONNX's LRN:
//   s_c = sum of x_j^2 over c - floor((size - 1) / 2) <= j <= c + ceil((size - 1) / 2), 0 <= j < channels
//   d_c = bias + alpha / size * s_c          y_c = x_c * d_c^-beta
// CPU kernels over pixels whose channels lie side by side (channels_last), float32.
#pragma once

#include <cstdint>

namespace finepune {

struct LocalResponse {
  int64_t size;
  float alpha, beta, bias;
  int64_t before() const { return (size - 1) / 2; }
  int64_t after() const { return size / 2; }
};

// output[pixels, channels] from input[pixels, channels]; parallel over pixels.
void local_response_forward(const LocalResponse& rule, const float* input, float* output, int64_t pixels,
                            int64_t channels);

// The gradient of the input,
//   dx_c = g_c d_c^-beta - 2 alpha beta / size * x_c * sum of g_j x_j d_j^(-beta - 1) over the j whose window holds c,
// from g = gradient[pixels, channels] and x = input[pixels, channels].
void local_response_backward(const LocalResponse& rule, const float* gradient, const float* input,
                             float* input_gradient, int64_t pixels, int64_t channels);

}  // namespace finepune
