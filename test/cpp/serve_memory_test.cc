// Memory of serving: of the batches that were expected, not of the calls that come.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "check.h"
#include "memory/huge_pages.h"
#include "serve/aligned.h"
#include "serve/served_network.h"
#include "serve_support.h"

using namespace finepune;
using namespace finepune::test;
using serve::Choice;

TEST("serve: calls of more images than were expected give the same logits, in memory that does not grow with them") {
  Graph graph;
  graph.input = {1, 6, 6};
  graph.nodes = {
      {"conv", "Conv", {"input"}, {{"out_channels", {4}}, {"kernel_shape", {3, 3}}}},
      {"flatten", "Flatten", {"conv"}, {}},
      {"hidden", "Gemm", {"flatten"}, {{"out_features", {300}}}},
      {"head", "Gemm", {"hidden"}, {{"out_features", {7}}}},
  };
  graph.output = graph.head = "head";
  graph.classes = 7;
  Checked checked(graph, 1);
  for (const int64_t largest_batch : {1, 20, 70}) {
    serve::ServeOptions options;
    options.threads = 2;
    options.largest_batch = largest_batch;
    options.choice = Choice::dense;
    for (const int64_t batch : {65, 150, 399}) CHECK_NEAR(checked.error(options, batch), 0, 2e-5);

    serve::ServedNetwork served(graph, checked.tensors, options);
    const std::vector<float> pixels(2000 * 36, 0.5f);
    std::vector<float> logits(2000 * 7);
    serve::Images images;
    images.floats = pixels.data();
    images.count = 200;
    served.run(images, logits.data());
    const int64_t before = served.bytes();
    images.count = 2000;
    served.run(images, logits.data());
    CHECK_EQUAL(served.bytes(), before);
  }
}

// Under AddressSanitizer, too, whose allocator takes what the standard says of sizes and alignments by the letter.
TEST("serve: memory for vectors is zeros from a line's begin on, from two huge pages on from a huge page's") {
  constexpr int64_t large = 2 * kHugePage / sizeof(float);
  for (const int64_t count : {int64_t{1}, int64_t{17}, large - 16, large, large + 1}) {
    const serve::AlignedFloats memory(count);
    CHECK_EQUAL(memory.count(), count);
    CHECK_EQUAL(reinterpret_cast<uintptr_t>(memory.data()) % (count >= large ? kHugePage : 64), 0u);
    CHECK(std::all_of(memory.data(), memory.data() + count, [](float value) { return value == 0; }));
  }
  CHECK(serve::AlignedFloats(0).empty());
}
