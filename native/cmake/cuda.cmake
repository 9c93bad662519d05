# Decides FINEPUNE_WITH_CUDA from FINEPUNE_CUDA, and adds CUDA to finepune_torch where it is on.

set(FINEPUNE_WITH_CUDA OFF)
string(TOUPPER "${FINEPUNE_CUDA}" FINEPUNE_CUDA_WISH)
if(NOT FINEPUNE_CUDA_WISH MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "FINEPUNE_CUDA is '${FINEPUNE_CUDA}': expected AUTO, ON or OFF")
endif()
if(FINEPUNE_CUDA_WISH STREQUAL "OFF")
  return()
endif()

if(NOT EXISTS "${LIBTORCH_DIRECTORY}/lib/libtorch_cuda.so")
  set(CUDA_LACK "libtorch at ${LIBTORCH_DIRECTORY} is a CPU build; set LIBTORCH to a CUDA build of it")
else()
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    set(CUDA_LACK "no CUDA toolkit was found; put nvcc on PATH or set CUDACXX to it")
  endif()
endif()
if(CUDA_LACK)
  if(FINEPUNE_CUDA_WISH STREQUAL "ON")
    message(FATAL_ERROR "FINEPUNE_CUDA is ON, but ${CUDA_LACK}")
  endif()
  message(STATUS "CUDA: off, ${CUDA_LACK}")
  return()
endif()

if(NOT CMAKE_CUDA_ARCHITECTURES)
  if(DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    # torch writes "8.0;9.0", CMake "80;90".
    string(REGEX REPLACE "[. ]+" "" CMAKE_CUDA_ARCHITECTURES "$ENV{TORCH_CUDA_ARCH_LIST}")
  else()
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
# .cu files include no torch header, so the standard CMake knows for every nvcc is enough.
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
set(FINEPUNE_WITH_CUDA ON)
message(STATUS "CUDA: ${CUDAToolkit_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")

target_compile_definitions(finepune_torch INTERFACE FINEPUNE_WITH_CUDA)
target_include_directories(finepune_torch SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
# Nothing of ours names a symbol of libtorch_cuda.so, but its static initialisers register the CUDA operators.
target_link_libraries(finepune_torch INTERFACE -Wl,--no-as-needed
  "${LIBTORCH_DIRECTORY}/lib/libtorch_cuda.so" "${LIBTORCH_DIRECTORY}/lib/libc10_cuda.so" -Wl,--as-needed CUDA::cudart)
# Where pip has put CUDA's own libraries: next to torch.
list(APPEND CMAKE_INSTALL_RPATH "$ORIGIN/../../libtorch/lib/../../nvidia/cu${CUDAToolkit_VERSION_MAJOR}/lib"
  "$ORIGIN/../../libtorch/lib/../../nvidia/cuda_runtime/lib")
