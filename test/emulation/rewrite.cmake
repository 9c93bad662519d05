# Makes a CUDA source one of C++, for test/emulation: cmake -DFROM=... -DTO=... -P rewrite.cmake
#   kernel<T><<<blocks, threads>>>(arguments)  ->  launch(Configuration(blocks, threads), kernel<T>)(arguments)
#   extern __shared__ T name[];                ->  a pointer to the launch's dynamic shared memory
#   __shared__ T name[n];                      ->  a static variable that begins as NaN in every block
# Every line keeps its number.

cmake_minimum_required(VERSION 3.22)
file(READ "${FROM}" text)

set(name "[A-Za-z_][A-Za-z_0-9]*")
# Template arguments, which may have template arguments of their own.
set(arguments "<([^<>(){};]|<[^<>(){};]*>)*>")
string(REGEX REPLACE "(${name}(::${name})*(${arguments})?)([ \n]*)<<<([^;]*)>>>([ \n]*)\\("
  "\\5::finepune::emulation::launch(::finepune::emulation::Configuration(\\6), \\1)\\7(" text "${text}")
if(text MATCHES "<<<")
  message(FATAL_ERROR "${FROM}: a launch that rewrite.cmake cannot read")
endif()

set(type "[^;=()]*[^;=() ]")
string(REGEX REPLACE "extern __shared__ (${type}) (${name})\\[\\];"
  "\\1* const \\2 = static_cast<\\1*>(::finepune::emulation::shared_memory());" text "${text}")
string(REGEX REPLACE "__shared__ (${type}) (${name})((\\[[^;=]*\\])?);"
  "static \\1 \\2\\3; ::finepune::emulation::begin_shared(&\\2, sizeof(\\2));" text "${text}")
if(text MATCHES "__shared__")
  message(FATAL_ERROR "${FROM}: shared memory that rewrite.cmake cannot read")
endif()

file(WRITE "${TO}" "#include <cuda_runtime.h>\n#line 1 \"${FROM}\"\n${text}")
