// The number of threads libtorch computes with, where several threads have sessions and networks of their own.
#include <functional>
#include <future>
#include <thread>

#include <ATen/Parallel.h>

#include "check.h"
#include "nn_support.h"
#include "serve/libtorch_network.h"
#include "train/session.h"

namespace finepune::test {
namespace {

Graph pixels_graph() { return flattened_graph({1, 2, 2}, {}, 4); }

// Calls of `make` for 1 and then for 2 threads, each on a thread of its own; how many threads the first then has, once it
// has run kernels of libtorch and of ours.
int threads_of_the_first(const std::function<std::shared_ptr<void>(int threads)>& make) {
  std::promise<void> made, overtaken;
  int threads = 0;
  std::thread first([&] {
    const std::shared_ptr<void> held = make(1);
    made.set_value();
    overtaken.get_future().wait();
    at::ones({1000}).sum();
    at::parallel_for(0, 1000, 1, [](int64_t, int64_t) {});
    threads = at::get_num_threads();
  });
  made.get_future().wait();
  std::thread([&] { make(2); }).join();
  overtaken.set_value();
  first.join();
  return threads;
}

}  // namespace

TEST("threads: a session keeps its number after another was made with more") {
  const auto make = [](int threads) {
    SessionOptions options;
    options.graph = pixels_graph();
    options.normalization = {ChannelOrder::gray, 1, {0}, {1}};
    options.device = "cpu";
    options.threads = threads;
    return std::make_shared<Session>(std::move(options));
  };
  CHECK_EQUAL(threads_of_the_first(make), 1);
}

TEST("threads: a network served through libtorch keeps its number after another was made with more") {
  const auto make = [](int threads) {
    return std::make_shared<serve::LibtorchNetwork>(
        pixels_graph(), serve::Tensors{}, serve::LibtorchOptions{at::kCPU, threads, 1, serve::Choice::dense});
  };
  CHECK_EQUAL(threads_of_the_first(make), 1);
}

}  // namespace finepune::test
