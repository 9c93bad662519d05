// Memory of serving: of the batches that were expected, not of the calls that come.
#include <vector>

#include "check.h"
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
