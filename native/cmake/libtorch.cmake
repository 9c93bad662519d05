# Target finepune_torch: headers and libraries of libtorch, without the detour over its own CMake package, which
# searches for toolkits this build does not use and writes absolute runpaths.

get_filename_component(LIBTORCH_DIRECTORY "${FINEPUNE_LIBTORCH}" REALPATH)
if(NOT EXISTS "${LIBTORCH_DIRECTORY}/include/ATen/ATen.h" OR NOT EXISTS "${LIBTORCH_DIRECTORY}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "No libtorch at ${FINEPUNE_LIBTORCH}: run `node bin/install.js`, or set FINEPUNE_LIBTORCH to one")
endif()

file(STRINGS "${LIBTORCH_DIRECTORY}/include/torch/headeronly/version.h" LIBTORCH_VERSION_LINES
  REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE "[^;]*TORCH_VERSION_[A-Z]+ ([0-9]+)" "\\1" LIBTORCH_VERSION "${LIBTORCH_VERSION_LINES}")
string(REPLACE ";" "." LIBTORCH_VERSION "${LIBTORCH_VERSION}")
if(LIBTORCH_VERSION VERSION_LESS 2.11 OR LIBTORCH_VERSION VERSION_GREATER_EQUAL 2.15)
  message(FATAL_ERROR "libtorch ${LIBTORCH_VERSION} at ${LIBTORCH_DIRECTORY} is outside the supported range 2.11 to 2.14")
endif()
message(STATUS "libtorch ${LIBTORCH_VERSION}: ${LIBTORCH_DIRECTORY}")

add_library(finepune_torch INTERFACE)
target_include_directories(finepune_torch SYSTEM INTERFACE
  "${LIBTORCH_DIRECTORY}/include" "${LIBTORCH_DIRECTORY}/include/torch/csrc/api/include")
target_link_directories(finepune_torch INTERFACE "${LIBTORCH_DIRECTORY}/lib")
target_link_libraries(finepune_torch INTERFACE
  "${LIBTORCH_DIRECTORY}/lib/libtorch_cpu.so" "${LIBTORCH_DIRECTORY}/lib/libc10.so" pthread)

# at::parallel_for is inlined into our code with OpenMP pragmas: compile with the flag, so that it is parallel, but do
# not link with it. A link flag would name the system's libgomp next to the one inside libtorch, and two OpenMP
# runtimes in a process means two thread pools that know nothing of each other. The addon finds the symbols through
# libtorch_cpu.so, which loads its own runtime; an executable needs them at link time, so it names that very file.
target_compile_options(finepune_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
file(GLOB LIBTORCH_OPENMP "${LIBTORCH_DIRECTORY}/lib/libgomp*.so*" "${LIBTORCH_DIRECTORY}/../torch.libs/libgomp*.so*")
add_library(finepune_openmp_runtime INTERFACE)
if(LIBTORCH_OPENMP)
  list(GET LIBTORCH_OPENMP 0 LIBTORCH_OPENMP)
  target_link_libraries(finepune_openmp_runtime INTERFACE "${LIBTORCH_OPENMP}")
else()
  target_link_options(finepune_openmp_runtime INTERFACE -fopenmp)
endif()
