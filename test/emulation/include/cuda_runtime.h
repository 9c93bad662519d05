// What nvcc knows without an include, for test/emulation: words of the language, and functions of the device.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <source_location>

#include <math.h>

#include "cuda_runtime_api.h"
#include "emulation.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
// Blocks run one after another. rewrite.cmake writes more where the word stands in a kernel's file.
#define __shared__ static

// Of the thread that runs.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline uchar4 make_uchar4(unsigned char x, unsigned char y, unsigned char z, unsigned char w) { return {x, y, z, w}; }

template <typename T>
constexpr T min(T left, T right) {
  return right < left ? right : left;
}
template <typename T>
constexpr T max(T left, T right) {
  return left < right ? right : left;
}
inline float rsqrtf(float value) { return 1.0f / sqrtf(value); }

// Compiled with -ffp-contract=off, so each is rounded on its own.
inline float __fmul_rn(float left, float right) { return left * right; }
inline float __fadd_rn(float left, float right) { return left + right; }
inline float __fsub_rn(float left, float right) { return left - right; }
inline float __fdiv_rn(float left, float right) { return left / right; }
inline float __fsqrt_rn(float value) { return sqrtf(value); }
inline float __fmaf_rn(float left, float right, float sum) { return fmaf(left, right, sum); }

inline uint32_t __umulhi(uint32_t left, uint32_t right) { return (uint64_t{left} * right) >> 32; }
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __clz(int value) { return value == 0 ? 32 : __builtin_clz(static_cast<unsigned>(value)); }

template <typename To, typename From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}
inline unsigned __float_as_uint(float value) { return bits_as<unsigned>(value); }
inline float __uint_as_float(unsigned value) { return bits_as<float>(value); }
inline int __float_as_int(float value) { return bits_as<int>(value); }
inline float __int_as_float(int value) { return bits_as<float>(value); }

template <typename T>
T __ldg(const T* from) {
  return *from;
}

// Threads take turns on one CPU thread: nothing comes between.
template <typename T>
T atomic_add(T* to, T value) {
  const T old = *to;
  *to = old + value;
  return old;
}
inline int atomicAdd(int* to, int value) { return atomic_add(to, value); }
inline unsigned atomicAdd(unsigned* to, unsigned value) { return atomic_add(to, value); }
inline unsigned long long atomicAdd(unsigned long long* to, unsigned long long value) { return atomic_add(to, value); }
inline float atomicAdd(float* to, float value) { return atomic_add(to, value); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline void __syncthreads(std::source_location site = std::source_location::current()) {
  finepune::emulation::meet_block(site);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, std::source_location site = std::source_location::current()) {
  int nothing = 0;
  finepune::emulation::meet_warp(mask, &nothing, [](void* const*) {}, site);
}

namespace finepune::emulation {

template <typename T>
struct Shuffle {
  T value;
  int source;
  T result;
};

template <typename T>
T shuffle(unsigned mask, T value, int source, const std::source_location& site) {
  Shuffle<T> own{value, source, value};
  meet_warp(
      mask, &own,
      [](void* const* lanes) {
        for (int lane = 0; lane < kLanes; ++lane) {
          if (lanes[lane] == nullptr) continue;
          auto& to = *static_cast<Shuffle<T>*>(lanes[lane]);
          const auto* from = static_cast<const Shuffle<T>*>(lanes[to.source]);
          // Nobody may rely on a lane that takes no part.
          if (from == nullptr) {
            std::memset(static_cast<void*>(&to.result), kPoison, sizeof to.result);
          } else {
            to.result = from->value;
          }
        }
      },
      site);
  return own.result;
}

struct Vote {
  bool predicate;
  unsigned yes, all;
};

inline Vote vote(unsigned mask, bool predicate, const std::source_location& site) {
  Vote own{predicate, 0, 0};
  meet_warp(
      mask, &own,
      [](void* const* lanes) {
        unsigned yes = 0, all = 0;
        for (int lane = 0; lane < kLanes; ++lane) {
          if (lanes[lane] == nullptr) continue;
          all |= 1u << lane;
          if (static_cast<const Vote*>(lanes[lane])->predicate) yes |= 1u << lane;
        }
        for (int lane = 0; lane < kLanes; ++lane) {
          if (lanes[lane] == nullptr) continue;
          static_cast<Vote*>(lanes[lane])->yes = yes;
          static_cast<Vote*>(lanes[lane])->all = all;
        }
      },
      site);
  return own;
}

template <typename T>
struct Match {
  T value;
  unsigned peers;
};

// `source` where it is one of the same `width` lanes, else the lane itself.
inline int within(int source, int width) { return source / width == lane() / width && source >= 0 ? source : lane(); }

}  // namespace finepune::emulation

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              std::source_location site = std::source_location::current()) {
  const int first = finepune::emulation::lane() / width * width;
  return finepune::emulation::shuffle(mask, value, first + (source & (width - 1)), site);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned step, int width = 32,
                   std::source_location site = std::source_location::current()) {
  using namespace finepune::emulation;
  return shuffle(mask, value, within(lane() + static_cast<int>(step), width), site);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned step, int width = 32,
                 std::source_location site = std::source_location::current()) {
  using namespace finepune::emulation;
  return shuffle(mask, value, within(lane() - static_cast<int>(step), width), site);
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  std::source_location site = std::source_location::current()) {
  using namespace finepune::emulation;
  return shuffle(mask, value, within(lane() ^ bits, width), site);
}

inline unsigned __ballot_sync(unsigned mask, bool predicate,
                              std::source_location site = std::source_location::current()) {
  return finepune::emulation::vote(mask, predicate, site).yes;
}

inline bool __any_sync(unsigned mask, bool predicate, std::source_location site = std::source_location::current()) {
  return finepune::emulation::vote(mask, predicate, site).yes != 0;
}

inline bool __all_sync(unsigned mask, bool predicate, std::source_location site = std::source_location::current()) {
  const auto vote = finepune::emulation::vote(mask, predicate, site);
  return vote.yes == vote.all;
}

template <typename T>
unsigned __match_any_sync(unsigned mask, T value, std::source_location site = std::source_location::current()) {
  using Match = finepune::emulation::Match<T>;
  Match own{value, 0};
  finepune::emulation::meet_warp(
      mask, &own,
      [](void* const* lanes) {
        for (int to = 0; to < finepune::emulation::kLanes; ++to) {
          if (lanes[to] == nullptr) continue;
          auto& match = *static_cast<Match*>(lanes[to]);
          for (int from = 0; from < finepune::emulation::kLanes; ++from) {
            if (lanes[from] == nullptr) continue;
            if (static_cast<const Match*>(lanes[from])->value == match.value) match.peers |= 1u << from;
          }
        }
      },
      site);
  return own.peers;
}
