#include <new>

#include <ATen/ATen.h>

#include "check.h"
#include "few_allocations.h"
#include "nn_support.h"
#include "train/parameter_store.h"

namespace finepune::test {
namespace {

Graph two_layers() {
  Graph graph = flattened_graph({1, 4, 4}, {{"norm", "BatchNormalization", {"input"}, {}}}, 16);
  graph.nodes.push_back({"hidden", "Gemm", {"flatten"}, {{"out_features", {20}}, {"bias", {0}}}});
  graph.nodes.push_back({"head", "Gemm", {"hidden"}, {{"out_features", {10}}, {"bias", {0}}}});
  graph.output = graph.head = "head";
  graph.classes = 10;
  return graph;
}

const ThresholdRequest hidden_alone{{{"hidden.weight", 0.3}}, 1, 1};
const ThresholdRequest head_alone{{{"head.weight", 0.01}}, 1, 1};
const ThresholdRequest both{{{"hidden.weight", 0.1}, {"head.weight", 0.01}}, 1, 1};

struct Subject {
  Network network{two_layers(), at::kCPU};
  ParameterStore store{network};
  Subject() { store.initialize({"hidden.weight", "head.weight"}, 1); }

  std::vector<int64_t> kept() const {
    std::vector<int64_t> kept;
    for (const LayerCount& layer : store.counts()) kept.push_back(layer.kept);
    return kept;
  }
  std::vector<at::Tensor> parameters() {
    std::vector<at::Tensor> values;
    for (const Parameter& parameter : network.parameters()) values.push_back(parameter.value.detach().clone());
    return values;
  }
};

bool equal(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
  for (size_t i = 0; i < left.size(); ++i) {
    if (!at::equal(left[i], right[i])) return false;
  }
  return true;
}

// Lets memory run out at the first tensor that `call` makes, the second and so on, each time for a subject of its own
// made by `prepare`; then `check`. How often it ran out.
template <typename Prepare, typename Call, typename Check>
int64_t fail_everywhere(const Prepare& prepare, const Call& call, const Check& check) {
  for (int64_t count = 0;; ++count) {
    Subject subject;
    prepare(subject);
    const std::vector<int64_t> kept = subject.kept();
    const std::vector<at::Tensor> parameters = subject.parameters();
    bool failed = false;
    {
      const FewAllocations few(count);
      try {
        call(subject.store);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
    }
    if (!failed) return count;
    CHECK(subject.kept() == kept);
    CHECK(equal(subject.parameters(), parameters));
    check(subject);
  }
}

// A shadow that nobody masks would be read, and trained, for the parameter.
void check_no_stray_shadow(Subject& subject) {
  subject.store.end_candidate();
  for (const char* name : {"hidden.weight", "head.weight"}) {
    const at::Tensor values = at::full({subject.network.parameter(name).value.numel()}, 0.5f);
    subject.store.set(Role::parameter, name, values);
    CHECK(at::equal(subject.store.get(Role::shadow, name).flatten(), values));
  }
}

}  // namespace

TEST("thresholds for which memory runs out leave a store as it was") {
  const int64_t times =
      fail_everywhere([](Subject&) {}, [](ParameterStore& store) { store.set_thresholds(both); }, check_no_stray_shadow);
  CHECK(times >= 4);
}

TEST("a candidate for which memory runs out leaves a store as it was, and the candidate of before") {
  const auto call = [](ParameterStore& store) { store.set_candidate(head_alone); };
  int64_t times = fail_everywhere([](Subject&) {}, call, [](Subject& subject) {
    CHECK(!subject.store.has_candidate());
    check_no_stray_shadow(subject);
  });
  CHECK(times >= 3);

  const auto prepare = [](Subject& subject) {
    subject.store.set_candidate(hidden_alone);
    subject.network.parameter("norm.running_mean").value.fill_(3);
  };
  times = fail_everywhere(prepare, call, [](Subject& subject) {
    subject.store.end_candidate();
    CHECK_EQUAL(subject.network.parameter("norm.running_mean").value.item<float>(), 0.0f);
    CHECK((subject.kept() == std::vector<int64_t>{320, 200}));
    check_no_stray_shadow(subject);
  });
  CHECK(times >= 2);
}

}  // namespace finepune::test
