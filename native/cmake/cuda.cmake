# Decides FINEPUNE_WITH_CUDA from FINEPUNE_CUDA, and adds CUDA to finepune_torch where it is on.

set(FINEPUNE_WITH_CUDA OFF)
string(TOUPPER "${FINEPUNE_CUDA}" FINEPUNE_CUDA_WISH)
if(NOT FINEPUNE_CUDA_WISH MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "FINEPUNE_CUDA is '${FINEPUNE_CUDA}': expected AUTO, ON or OFF")
endif()
if(FINEPUNE_CUDA_WISH STREQUAL "OFF")
  return()
endif()

# Which CUDA libtorch was built with: the major version of the runtime library it asks for.
function(finepune_libtorch_cuda_version result)
  file(STRINGS "${LIBTORCH_DIRECTORY}/lib/libc10_cuda.so" names REGEX "libcudart[-0-9a-f]*\\.so\\.[0-9]+")
  string(REGEX REPLACE ".*libcudart[-0-9a-f]*\\.so\\.([0-9]+).*" "\\1" version "${names}")
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

if(NOT EXISTS "${LIBTORCH_DIRECTORY}/lib/libtorch_cuda.so")
  set(CUDA_LACK "libtorch at ${LIBTORCH_DIRECTORY} is a CPU build; set LIBTORCH to a CUDA build of it")
else()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    find_package(CUDAToolkit QUIET)
  endif()
  finepune_libtorch_cuda_version(LIBTORCH_CUDA_VERSION)
  if(NOT CMAKE_CUDA_COMPILER OR NOT CUDAToolkit_FOUND)
    set(CUDA_LACK "no CUDA toolkit was found; put nvcc on PATH or set CUDACXX to it")
  elseif(NOT CUDAToolkit_VERSION_MAJOR STREQUAL LIBTORCH_CUDA_VERSION)
    # Two runtime libraries in one process would each have streams and errors of their own.
    set(CUDA_LACK "libtorch was built with CUDA ${LIBTORCH_CUDA_VERSION} but the toolkit is ${CUDAToolkit_VERSION}")
  endif()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/cuda_architectures.cmake")
if(NOT CUDA_LACK AND NOT CMAKE_CUDA_ARCHITECTURES AND NOT "$ENV{TORCH_CUDA_ARCH_LIST}" STREQUAL "")
  finepune_cuda_architectures("$ENV{TORCH_CUDA_ARCH_LIST}" CMAKE_CUDA_ARCHITECTURES CUDA_LACK)
endif()
if(CUDA_LACK)
  if(FINEPUNE_CUDA_WISH STREQUAL "ON")
    message(FATAL_ERROR "FINEPUNE_CUDA is ON, but ${CUDA_LACK}")
  endif()
  message(STATUS "CUDA: off, ${CUDA_LACK}")
  return()
endif()

# Machine code for each of these, and at last PTX, which later GPUs compile for themselves.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  if(CUDAToolkit_VERSION VERSION_LESS 12.8)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90)
  else()
    set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90-real 100)
  endif()
endif()
enable_language(CUDA)
# .cu files include no torch header, so the standard CMake knows for every nvcc is enough.
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG")
set(FINEPUNE_WITH_CUDA ON)
message(STATUS "CUDA: ${CUDAToolkit_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")

target_compile_definitions(finepune_torch INTERFACE FINEPUNE_WITH_CUDA)
target_include_directories(finepune_torch SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
# libtorch_cuda.so's static initialisers register the CUDA operators.
target_link_libraries(finepune_torch INTERFACE -Wl,--no-as-needed
  "${LIBTORCH_DIRECTORY}/lib/libtorch_cuda.so" "${LIBTORCH_DIRECTORY}/lib/libc10_cuda.so" -Wl,--as-needed CUDA::cudart)
# Where pip has put CUDA's own libraries: next to torch.
list(APPEND CMAKE_INSTALL_RPATH "$ORIGIN/../../libtorch/lib/../../nvidia/cu${CUDAToolkit_VERSION_MAJOR}/lib"
  "$ORIGIN/../../libtorch/lib/../../nvidia/cuda_runtime/lib")
