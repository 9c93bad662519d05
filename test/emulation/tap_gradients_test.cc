// Gradients by the taps of convolutions, beside plain loops.
#include "ops/cuda/tap_gradient_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

using namespace cuda;

struct Sizes {
  int64_t count;
  int height, width, channels, outputs, side, padding;
};

TapGradients job_of(const Sizes& s) {
  return {.images = nullptr,
          .gradients = nullptr,
          .count = s.count,
          .image_height = s.height,
          .image_width = s.width,
          .height = s.height + 2 * s.padding - s.side + 1,
          .width = s.width + 2 * s.padding - s.side + 1,
          .top = s.padding,
          .left = s.padding,
          .channels = s.channels,
          .outputs = s.outputs,
          .side = s.side};
}

struct Layer {
  explicit Layer(const Sizes& sizes)
      : job(job_of(sizes)),
        images(small_integers(generator, job.count * job.image_height * job.image_width * job.channels)),
        gradients(small_integers(generator, job.count * job.height * job.width * job.outputs)) {
    job.images = images.data();
    job.gradients = gradients.data();
  }

  size_t weights() const { return static_cast<size_t>(job.outputs) * job.side * job.side * job.channels; }

  std::vector<float> expected() const {
    std::vector<float> sums(weights(), 0.0f);
    for (int64_t row = 0; row < job.count * job.height; ++row) {
      for (int64_t x = 0; x < job.width; ++x) {
        for (int64_t tap = 0; tap < job.side * job.side; ++tap) {
          const int64_t y = row % job.height + tap / job.side - job.top, from = x + tap % job.side - job.left;
          if (y < 0 || y >= job.image_height || from < 0 || from >= job.image_width) continue;
          add(gradients.data() + (row * job.width + x) * job.outputs,
              images.data() + ((row / job.height * job.image_height + y) * job.image_width + from) * job.channels,
              sums.data() + tap * job.channels);
        }
      }
    }
    return sums;
  }

  std::vector<float> computed(const TapPlan& plan) const {
    Memory<float> scratch(weights() * static_cast<size_t>(plan.splits)), sums(weights());
    launch_tap_gradients(job, plan, plan.splits > 1 ? scratch.data() : nullptr, sums.data(), nullptr);
    scratch.values();
    return sums.values();
  }

  TapGradients job;
  std::mt19937 generator{1};
  std::vector<float> images, gradients;

 private:
  void add(const float* gradient, const float* pixel, float* tap) const {
    for (int64_t o = 0; o < job.outputs; ++o, tap += job.side * job.side * job.channels) {
      for (int64_t c = 0; c < job.channels; ++c) tap[c] += gradient[o] * pixel[c];
    }
  }
};

TEST("emulated gradients by taps: those of plain loops, for every tile, with padding and without") {
  for (const Sizes& sizes : {Sizes{2, 5, 9, 48, 64, 3, 0}, {1, 4, 6, 48, 96, 3, 1}, {1, 4, 5, 64, 64, 3, 1},
                             {2, 4, 5, 128, 128, 3, 0}, {2, 4, 6, 64, 96, 5, 2}, {1, 6, 5, 128, 192, 5, 0}}) {
    const Layer layer(sizes);
    const std::vector<float> expected = layer.expected();
    const TapPlan plan = plan_tap_gradients(layer.job);
    CHECK(plan.splits > 0 && plan.rows > 0);
    emulation::for_each_schedule([&] { CHECK(layer.computed(plan) == expected); });
  }
}

TEST("emulated gradients by taps: rows shared out in chunks of any size, over images and splits") {
  for (const int width : {1, 7}) {
    const Layer layer({3, 7, width, 64, 64, 3, 1});
    const std::vector<float> expected = layer.expected();
    for (const TapPlan& plan : {TapPlan{1, 1}, {2, 3}, {5, 2}}) {
      emulation::for_each_schedule([&] { CHECK(layer.computed(plan) == expected); });
    }
  }
}

TEST("emulated gradients by taps: planned for whole fragments of pixels, and only where there are a tile and room") {
  const auto plan = [](const Sizes& sizes) { return plan_tap_gradients(job_of(sizes)); };
  // Of eight multiprocessors. 39 pixels of 40 are multiplied for nothing but one, of a single row 13 of 16.
  const TapPlan third = plan({128, 13, 13, 192, 384, 3, 1});
  CHECK_EQUAL(third.splits, 1);
  CHECK_EQUAL(third.rows, 3);
  CHECK_EQUAL(plan({128, 42, 42, 48, 64, 3, 0}).splits, 8);
  CHECK_EQUAL(plan({1, 5, 4, 48, 64, 3, 1}).splits, 1);
  for (const Sizes& sizes : {Sizes{0, 13, 13, 64, 64, 3, 1}, {1, 13, 13, 64, 40, 3, 1}, {1, 13, 13, 40, 64, 3, 1},
                             {1, 13, 13, 64, 64, 1, 0}, {1, 13, 13, 64, 64, 5, 2}, {1, 2, 2, 64, 64, 3, 0},
                             {1, 9, 900, 64, 64, 3, 1}}) {
    CHECK_EQUAL(plan(sizes).splits, 0);
  }
  emulation::compute_capability_major = 10;
  const int32_t splits = plan({128, 13, 13, 192, 384, 3, 1}).splits;
  emulation::compute_capability_major = 8;
  CHECK_EQUAL(splits, 0);
}

}  // namespace
}  // namespace finepune::test
