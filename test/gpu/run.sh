#!/usr/bin/env bash
# Builds everything and runs the GPU's tests and benchmarks on a bare machine with a CUDA device, within ten minutes. The
# machine has a C++ compiler, nvcc, CMake and a Python with torch, whose libtorch is used. Node may be carried there: its
# folder (bin/node, include/node) as argument or on PATH, and node_modules in the package; without it the C++ part runs alone.
#
#     test/gpu/run.sh [NODE_FOLDER]
set -uo pipefail
cd "$(dirname "$0")/../.."

out="$PWD/build/gpu-results"
mkdir -p "$out"
table=()
failed=0

# Runs a step within the seconds given; its output goes to a file and, at the end, to the terminal.
step() { # step NAME SECONDS COMMAND...
  local name="$1" limit="$2" begin=$SECONDS status=0
  shift 2
  printf '\n== %s\n' "$name"
  timeout "$limit" "$@" >"$out/${name// /-}.log" 2>&1 || status=$?
  tail -n 25 "$out/${name// /-}.log"
  local verdict=ok
  if [ "$status" -ne 0 ]; then
    # What a virtual machine may keep from the sanitizer.
    if grep -q 'Device not supported' "$out/${name// /-}.log"; then verdict='not here'; else verdict="FAILED $status"; fi
  fi
  case "$verdict" in FAILED*) failed=1 ;; esac
  table+=("$(printf '%-28s %-10s %4d s   %s' "$name" "$verdict" $((SECONDS - begin)) \
    "$(summary "$out/${name// /-}.log")")")
}

# What of a step's output belongs in the table.
summary() { # summary FILE
  sed -E 's/\x1b\[[0-9;]*m//g; s/ +/ /g' "$1" |
    grep -E -e '^[0-9]+ passed, [0-9]+ failed$|^ ?Tests |step over copy|(ERROR|RACECHECK) SUMMARY|over ours|ours over|no kernel of ours' \
    -e 'published(, batch [0-9]+: dense / finepune, least|: (memory of the device|layers skipping zeros))' | tail -n 8 | paste -sd ';' -
}

python="${PYTHON:-python3}"
torch="${LIBTORCH:-$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')}" || exit 1
if ! command -v nvcc >/dev/null; then
  for folder in /usr/local/cuda /usr/local/cuda-*; do [ -x "$folder/bin/nvcc" ] && PATH="$folder/bin:$PATH"; done
fi
ln -sfn "$torch" libtorch

node_folder="${1:-}"
if [ -z "$node_folder" ] && command -v node >/dev/null; then
  node_folder="$(node -p 'require("node:path").resolve(process.execPath, "../..")')"
fi
# Precompiling ATen's headers takes one core longer than many cores take without.
configure=(-S . -B build/gpu -DCMAKE_BUILD_TYPE=Release -DFINEPUNE_CUDA=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON
  -DFINEPUNE_LIBTORCH="$PWD/libtorch" -DCMAKE_CUDA_ARCHITECTURES=native
  -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$PWD/build/Release")
command -v ninja >/dev/null && configure+=(-G Ninja)
with_node=0
if [ -x "$node_folder/bin/node" ] && [ -d node_modules ]; then
  with_node=1
  PATH="$node_folder/bin:$PWD/node_modules/.bin:$PATH"
  configure+=(-DCMAKE_JS_INC="$node_folder/include/node;$PWD/node_modules/node-addon-api")
fi

table+=("$("$python" -c '
import torch
properties = torch.cuda.get_device_properties(0)
print(f"{properties.name}, {properties.total_memory >> 30} GiB, torch {torch.__version__}")
' 2>/dev/null || echo 'no CUDA device that torch sees')")
step 'configure' 60 cmake "${configure[@]}"
step 'build' 300 cmake --build build/gpu --parallel "$(nproc)"
step 'C++ tests' 120 build/Release/finepune_test
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck initcheck; do
    step "compute-sanitizer $tool" 120 compute-sanitizer --tool "$tool" --error-exitcode 9 build/Release/finepune_test '[cuda]'
  done
  # Of our own kernels; it fails in cuBLASLt's for bfloat16, which it loads even so.
  step 'compute-sanitizer racecheck' 120 compute-sanitizer --tool racecheck --kernel-name kns=finepune --error-exitcode 9 \
    build/Release/finepune_test '[cuda]' 'bfloat16 is near float32'
else
  table+=("$(printf '%-28s %s' 'compute-sanitizer' 'skipped: it is not on PATH')")
fi
step 'step bandwidth' 60 build/Release/step_bandwidth
step 'weight gradients' 60 build/Release/weight_gradients
if [ "$with_node" -eq 1 ]; then
  step 'TypeScript' 60 tsc -p .
  step 'tests with Node' 120 vitest run --project gpu
  for precision in tf32 bf16; do
    step "bench train $precision" 120 node bin/finepune-native.js bench train --model alexnet --batch 128 --device cuda \
      --precision "$precision" --rounds 4 --steps 20 --variants idiomatic,channels-last,tuned,fused,compiled --python "$python"
  done
  step 'bench search' 90 node bin/finepune-native.js bench search --parts speed --model alexnet --batch 128 --images 1024 \
    --device cuda --rounds 3 --python "$python"
  step 'bench serve' 120 node bin/finepune-native.js bench serve --models alexnet --densities 1,0.3,0.1,0.03 --device cuda
else
  table+=("$(printf '%-28s %s' 'tests and benches with Node' 'skipped: no Node with node_modules')")
fi

printf '\n== table\n'
printf '%s\n' "${table[@]}"
exit "$failed"
