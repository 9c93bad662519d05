#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "ops/mask.h"

namespace finepune::test {

TEST_ON_DEVICES("a candidate is the refreshed mask's product and leaves the mask alone") {
  at::manual_seed(3);
  const at::Tensor shadow = at::randn({130, 70});
  const at::Tensor before = at::randint(0, 2, {130, 70}, at::kByte);
  const at::Tensor mask = before.to(device, at::kByte, false, /*copy=*/true);
  const at::Tensor weights = shadow.to(device);
  const at::Tensor candidate = at::empty_like(weights);
  const at::Tensor committed = at::empty_like(weights);
  const MaskThresholds thresholds{0.5f, 1.0f};
  const int64_t tried = write_masks({{candidate, weights, mask, MaskUse::candidate, thresholds}})[0];
  CHECK(at::equal(mask.cpu(), before));
  CHECK_EQUAL(write_masks({{committed, weights, mask, MaskUse::refresh, thresholds}})[0], tried);
  CHECK(at::equal(candidate, committed));
  const at::Tensor sizes = shadow.abs();
  const at::Tensor expected =
      at::logical_or(at::ge(sizes, 1.0), at::logical_and(at::ge(sizes, 0.5), before.to(at::kBool)));
  CHECK(at::equal(mask.cpu().to(at::kBool), expected));
  CHECK_EQUAL(tried, expected.sum().item<int64_t>());
  const at::Tensor stored = before.to(device);
  CHECK_EQUAL(write_masks({{candidate, weights, stored, MaskUse::stored, {}}})[0], before.sum().item<int64_t>());
  CHECK(at::equal(candidate.cpu(), shadow * before));
}

TEST_ON_DEVICES("masks of many layers of any size are written together, and counted one by one") {
  at::manual_seed(4);
  std::vector<MaskedLayer> layers;
  std::vector<at::Tensor> shadows, masks;
  for (int64_t i = 0; i < 70; ++i) {
    const int64_t size = i % 7 == 0 ? 8190 + i : 1 + 13 * i;
    // Every other one begins off a vector.
    const int64_t offset = i % 2;
    shadows.push_back(at::randn({size + offset}).to(device).narrow(0, offset, size));
    masks.push_back(at::randint(0, 2, {size + offset}, at::kByte).to(device).narrow(0, offset, size));
    const at::Tensor parameter = at::empty({size + offset}, shadows.back().options()).narrow(0, offset, size);
    layers.push_back({parameter, shadows.back(), masks.back(), i % 3 == 0 ? MaskUse::stored : MaskUse::refresh,
                      {0.3f, 0.3f + 0.01f * static_cast<float>(i)}});
  }
  layers.push_back({at::empty({0}).to(device), at::empty({0}).to(device), at::empty({0}, at::kByte).to(device), MaskUse::stored,
                    {}});
  std::vector<at::Tensor> expected;
  for (size_t i = 0; i < 70; ++i) {
    at::Tensor mask = masks[i].to(at::kCPU, at::kByte, false, /*copy=*/true);
    const at::Tensor sizes = shadows[i].cpu().abs();
    if (layers[i].use == MaskUse::refresh) {
      mask.masked_fill_(at::lt(sizes, layers[i].thresholds.lower), 0);
      mask.masked_fill_(at::ge(sizes, layers[i].thresholds.upper), 1);
    }
    expected.push_back(mask);
  }
  const std::vector<int64_t> ones = write_masks(layers);
  for (size_t i = 0; i < 70; ++i) {
    CHECK(at::equal(masks[i].cpu(), expected[i]));
    CHECK(at::equal(layers[i].parameter.cpu(), shadows[i].cpu() * expected[i]));
    CHECK_EQUAL(ones[i], expected[i].sum().item<int64_t>());
  }
  CHECK_EQUAL(ones[70], 0);
}

}  // namespace finepune::test
