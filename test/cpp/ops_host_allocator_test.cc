#include <atomic>
#include <thread>
#include <vector>

#include <ATen/ATen.h>

#include "check.h"
#include "ops/host_allocator.h"

namespace finepune::test {

TEST("a large tensor's memory serves the next one of about its size, a small tensor's is left to libtorch") {
  install_host_allocator();
  // What tests before this one left there could serve as well.
  release_kept_host_memory();
  const void* first = at::empty({10'000'000}).data_ptr();
  const at::Tensor second = at::empty({9'500'000});
  CHECK(second.data_ptr() == first);
  // Much smaller: must not waste the block.
  CHECK(at::empty({2'000'000}).data_ptr() != first);
  at::Tensor small = at::ones({16});
  small.resize_({1'000'000}).fill_(2);
  CHECK_EQUAL(small.sum().item<float>(), 2e6f);
  release_kept_host_memory();
  CHECK_EQUAL(second.fill_(1).sum().item<double>(), 9'500'000.0);
}

TEST("a kept block that is too large serves where a new one would push it out, but not where more would be in use") {
  install_host_allocator();
  release_kept_host_memory();
  const auto megabytes = [](int64_t count) { return at::empty({count << 18}); };
  const void* large = nullptr;
  {
    const at::Tensor other = megabytes(800), kept = megabytes(1200);
    large = kept.data_ptr();
  }
  // 800 and 1200 lie there, 2000 were in use: 600 more would be too many, and 1200 are no more than ever.
  const at::Tensor first = megabytes(790);
  const at::Tensor second = megabytes(600);
  CHECK(second.data_ptr() == large);
  // Nothing is left that would do.
  const at::Tensor third = megabytes(400);
  CHECK(third.data_ptr() != large && third.data_ptr() != first.data_ptr());
  release_kept_host_memory();
}

TEST("a second block is kept beside the first where they are few megabytes, though one at a time is in use") {
  install_host_allocator();
  release_kept_host_memory();
  const auto megabytes = [](int64_t count) { return at::empty({count << 18}).data_ptr(); };
  const void *first = megabytes(60), *second = megabytes(50);
  CHECK(second != first);
  CHECK(megabytes(60) == first);
  CHECK(megabytes(50) == second);
  release_kept_host_memory();
}

TEST("large tensors made and dropped on several threads never share memory") {
  install_host_allocator();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &wrong] {
      for (int i = 0; i < 50; ++i) {
        const at::Tensor tensor = at::full({300'000 + 40'000 * (i % 5)}, t);
        std::this_thread::yield();
        if (!at::eq(tensor, t).all().item<bool>()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}

}  // namespace finepune::test
