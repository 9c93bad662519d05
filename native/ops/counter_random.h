// Counter-based random numbers: value i of stream s is a function of (s, i) alone, so that results depend neither on
// the number of threads nor on what else was drawn.
#pragma once

#include <cstdint>
#include <string_view>

// CUDA kernels draw the same numbers.
#ifdef __CUDACC__
#define FINEPUNE_ON_DEVICE __host__ __device__
#else
#define FINEPUNE_ON_DEVICE
#endif

namespace finepune {

// SplitMix64's output function (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
FINEPUNE_ON_DEVICE inline uint64_t mix_bits(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

FINEPUNE_ON_DEVICE inline uint64_t random_bits(uint64_t stream, uint64_t index) {
  return mix_bits(stream + (index + 1) * 0x9e3779b97f4a7c15ULL);
}

// A stream that shares nothing visible with those of other seeds and labels.
FINEPUNE_ON_DEVICE inline uint64_t derive_stream(uint64_t seed, uint64_t label) {
  return mix_bits(mix_bits(seed + 0x9e3779b97f4a7c15ULL) ^ (label * 0xd1342543de82ef95ULL + 0x632be59bd9b4e019ULL));
}

// FNV-1a, to make a label of a name.
inline uint64_t hash_name(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char character : name) hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3ULL;
  return hash;
}

// Uniform in (0, 1], 53 bits.
inline double uniform_open(uint64_t bits) { return (static_cast<double>(bits >> 11) + 1.0) * 0x1p-53; }

}  // namespace finepune
