// Fewer bits a value, for those who give up exactness.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace finepune {

// Every value becomes the nearest of IEEE 754 binary16 (ties to even), kept as float32; what is too small becomes +0.0.
// Throws Error("E_WEIGHTS") where a finite value is past the largest, 65504.
void round_to_half(std::span<float> values);

// Replaces every non-zero by the nearest of at most 2^bits means, found by Lloyd's algorithm from the quantiles (Lloyd,
// IEEE Trans. Inf. Theory 28, 1982; for weights Han et al., ICLR 2016, arXiv:1510.00149), and returns the means.
// Deterministic. Zeros, negative ones too, become +0.0. bits: 2 to 8. Throws Error("E_WEIGHTS") for NaN and infinities.
std::vector<float> round_to_codebook(std::span<float> values, uint32_t bits);

// Negative zeros become +0.0; everything else stays as it is, bit for bit.
void drop_zero_signs(std::span<float> values);

}  // namespace finepune
