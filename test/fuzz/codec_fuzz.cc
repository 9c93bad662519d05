// Decodes mutated inputs under AddressSanitizer:
//   codec_fuzz CORPUS [INPUTS [SEED]]   reads every file of the folder, mutates, decodes; says a summary
//   codec_fuzz --write CORPUS           writes the corpus
// With -DFINEPUNE_LIBFUZZER it is a libFuzzer target instead.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "codec_fuzz.h"

namespace {

using finepune::test::FuzzInput;
using finepune::test::FuzzOutcome;

std::vector<FuzzInput> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<FuzzInput> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void write_corpus(const std::filesystem::path& folder) {
  int number = 0;
  for (const FuzzInput& input : finepune::test::fuzz_corpus()) {
    char name[16];
    std::snprintf(name, sizeof(name), "%02d.bin", number++);
    std::ofstream(folder / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
  }
}

}  // namespace

// Nothing a small input says may take more memory than this.
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=16:detect_leaks=1"; }

#ifdef FINEPUNE_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  finepune::test::decode_fuzz_input({data, size});
  return 0;
}

#else

int main(int count, char** arguments) {
  if (count == 3 && std::string(arguments[1]) == "--write") {
    write_corpus(arguments[2]);
    return 0;
  }
  if (count < 2) {
    std::cerr << "usage: codec_fuzz CORPUS [INPUTS [SEED]]\n";
    return 2;
  }
  const std::vector<FuzzInput> corpus = read_corpus(arguments[1]);
  if (corpus.empty()) {
    std::cerr << "no corpus in " << arguments[1] << "\n";
    return 2;
  }
  const long inputs = count > 2 ? std::atol(arguments[2]) : 1'000'000;
  const auto seed = static_cast<uint32_t>(count > 3 ? std::atol(arguments[3]) : 1);
  std::mt19937 generator(seed);
  long decoded = 0;
  double slowest = 0;
  for (long i = 0; i < inputs; ++i) {
    const FuzzInput input = finepune::test::mutated(corpus, generator);
    const auto started = std::chrono::steady_clock::now();
    try {
      decoded += finepune::test::decode_fuzz_input(input) == FuzzOutcome::decoded;
    } catch (const std::exception& error) {
      std::ofstream("codec_fuzz.failed", std::ios::binary)
          .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
      std::cerr << "input " << i << " of seed " << seed << ": " << error.what() << "; kept as codec_fuzz.failed\n";
      return 1;
    }
    slowest = std::max(slowest, std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  std::cout << inputs << " mutated inputs of " << corpus.size() << " (seed " << seed << "): " << decoded << " decoded, "
            << inputs - decoded << " refused with E_MODEL_FILE, 0 crashes, slowest " << slowest * 1000 << " ms\n";
  return 0;
}

#endif
