#include "check.h"
#include "codec_fuzz.h"

namespace finepune::test {

TEST("mutated coded tensors are refused or decoded, nothing else (the long run: npm run fuzz)") {
  const std::vector<FuzzInput> corpus = fuzz_corpus();
  for (const FuzzInput& input : corpus) CHECK(decode_fuzz_input(input) == FuzzOutcome::decoded);
  std::mt19937 generator(12);
  int decoded = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    ++(decode_fuzz_input(mutated(corpus, generator)) == FuzzOutcome::decoded ? decoded : refused);
  }
  CHECK(decoded > 0);
  CHECK(refused > 10'000);
}

}  // namespace finepune::test
