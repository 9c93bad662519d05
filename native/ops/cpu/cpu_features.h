// Which instruction sets the files compiled for more than the baseline need, and whether this CPU has them. Not for those
// files themselves.
#pragma once

namespace finepune::cpu {

// As CMakeLists.txt compiles files named _avx2.cc.
inline bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// As it compiles files named _avx512.cc.
inline bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace finepune::cpu
