# What TORCH_CUDA_ARCH_LIST comes to: cmake -P cuda_architectures_test.cmake
cmake_minimum_required(VERSION 3.22)
# What is left out is told, not here.
set(CMAKE_MESSAGE_LOG_LEVEL WARNING)
include("${CMAKE_CURRENT_LIST_DIR}/../../native/cmake/cuda_architectures.cmake")

function(expect list expected)
  finepune_cuda_architectures("${list}" architectures lack)
  if(NOT architectures STREQUAL expected OR NOT lack STREQUAL "")
    message(FATAL_ERROR "'${list}' gives '${architectures}' and not '${expected}'; lack: '${lack}'")
  endif()
endfunction()

function(expect_lack list fragment)
  finepune_cuda_architectures("${list}" architectures lack)
  string(FIND "${lack}" "${fragment}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "'${list}' gives the lack '${lack}', without '${fragment}'")
  endif()
endfunction()

expect("8.0" "80-real")
expect("8.0 9.0+PTX" "80-real;90")
expect("8.0;8.6,9.0a 10.0f+PTX" "80-real;86-real;90a-real;100f")
expect(" 12.0 " "120-real")
# What NVIDIA's containers set.
expect("7.5 8.0 8.6 9.0 10.0 12.0+PTX" "80-real;86-real;90-real;100-real;120")
expect("5.2+PTX;8.9" "89-real")
expect("Turing Ampere" "80-real;86")
expect("Ada;Hopper" "89;90")
expect("Kepler+Tesla Ampere+Tegra" "87-real")

expect_lack("7.5" "'7.5', names no architecture of 8.0 or later")
expect_lack("6.0;7.0+PTX Volta" "names no architecture of 8.0 or later")
expect_lack(" " "names no architecture of 8.0 or later")
expect_lack("8.0 Ampère" "names 'Ampère', which is no architecture")
expect_lack("8.0 sm_90" "names 'sm_90', which is no architecture")
