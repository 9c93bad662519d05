# The kernels of native/ops/cuda as C++, and the tests that run them on the CPU.

set(REWRITTEN "${CMAKE_BINARY_DIR}/emulation")
set(REWRITE "${CMAKE_CURRENT_LIST_DIR}/rewrite.cmake")
file(GLOB KERNEL_SOURCES CONFIGURE_DEPENDS native/ops/cuda/*.cu native/ops/cuda/*.cuh)
# include/ has one in its place.
list(FILTER KERNEL_SOURCES EXCLUDE REGEX "/tensor_cores\\.cuh$")
set(EMULATED_SOURCES "")
foreach(source IN LISTS KERNEL_SOURCES)
  file(RELATIVE_PATH place "${CMAKE_SOURCE_DIR}/native" "${source}")
  string(REGEX REPLACE "\\.cu$" ".cc" place "${place}")
  add_custom_command(OUTPUT "${REWRITTEN}/${place}"
    COMMAND "${CMAKE_COMMAND}" "-DFROM=${source}" "-DTO=${REWRITTEN}/${place}" -P "${REWRITE}"
    DEPENDS "${source}" "${REWRITE}" VERBATIM)
  list(APPEND EMULATED_SOURCES "${REWRITTEN}/${place}")
endforeach()

file(GLOB EMULATION_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cc")
file(GLOB EMULATION_TESTS CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*_test.cc")
list(REMOVE_ITEM EMULATION_SOURCES ${EMULATION_TESTS})

# The rewritten headers and include/ come before native/, whose files of the same names are for nvcc.
set(EMULATION_INCLUDES "${CMAKE_CURRENT_LIST_DIR}/include" "${REWRITTEN}" "${CMAKE_CURRENT_LIST_DIR}")
# A loop's `#pragma unroll` is nvcc's.
set(EMULATION_OPTIONS -Wno-unknown-pragmas -ffp-contract=off)

add_library(finepune_emulated_cuda STATIC ${EMULATED_SOURCES} ${EMULATION_SOURCES})
target_include_directories(finepune_emulated_cuda PRIVATE ${EMULATION_INCLUDES} native)
# As on a GPU, a vector that is not aligned stops the program; so does an index outside its array.
target_compile_options(finepune_emulated_cuda PRIVATE ${EMULATION_OPTIONS}
  -fsanitize=alignment,bounds -fsanitize-undefined-trap-on-error)
target_link_libraries(finepune_emulated_cuda PRIVATE finepune_options)

target_sources(finepune_test PRIVATE ${EMULATION_TESTS})
set_source_files_properties(${EMULATION_TESTS} PROPERTIES COMPILE_OPTIONS "${EMULATION_OPTIONS}")
target_include_directories(finepune_test BEFORE PRIVATE ${EMULATION_INCLUDES})
target_link_libraries(finepune_test PRIVATE finepune_emulated_cuda)
