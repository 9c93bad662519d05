#include "ops/cuda/mask_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

constexpr MaskThresholds kThresholds{0.4f, 0.6f};

struct Layer {
  std::vector<float> shadow;
  std::vector<uint8_t> mask;
  MaskUse use;
  size_t shift;
};

// More of them than one launch takes.
std::vector<Layer> random_layers() {
  std::mt19937 generator(3);
  std::vector<Layer> layers;
  for (const int64_t count : {0, 1, 2, 5, 8, 255, 1024, 1027, 8191, 8192, 16387}) {
    for (const MaskUse use : {MaskUse::refresh, MaskUse::candidate, MaskUse::stored}) {
      for (const size_t shift : {0, 3}) {
        Layer layer{random_values(generator, count), {}, use, shift};
        for (int64_t i = 0; i < count; ++i) layer.mask.push_back(i / 2 % 3 % 2);
        if (count > 4) layer.shadow[4] = std::nanf("");
      // The thresholds themselves, with either mask.
      for (size_t i = 100; i < 112 && count > 200; ++i) layer.shadow[i] = i % 2 == 0 ? -0.4f : 0.6f;
        layers.push_back(layer);
      }
    }
  }
  return layers;
}

bool is_kept(const Layer& layer, size_t i) {
  const float size = std::abs(layer.shadow[i]);
  if (layer.use == MaskUse::stored) return layer.mask[i] != 0;
  if (size < kThresholds.lower) return false;
  return size >= kThresholds.upper || layer.mask[i] != 0;
}

void check_layer(const Layer& layer, const Memory<float>& parameter, const Memory<uint8_t>& mask, int64_t kept) {
  int64_t ones = 0;
  const std::vector<float> parameters = parameter.values();
  const std::vector<uint8_t> masks = mask.values();
  for (size_t i = 0; i < layer.shadow.size(); ++i) {
    const bool keep = is_kept(layer, i);
    const float expected = keep ? layer.shadow[i] : 0.0f;
    CHECK(std::memcmp(&parameters[i], &expected, sizeof expected) == 0);
    CHECK_EQUAL(int{masks[i]}, layer.use == MaskUse::refresh ? int{keep} : int{layer.mask[i]});
    ones += keep;
  }
  // Added to what was there.
  CHECK_EQUAL(kept, 1000 + ones);
}

}  // namespace

TEST("emulated masks: each layer's parameter gets the mask it is to use, and the ones are counted") {
  std::vector<Layer> layers = random_layers();
  CHECK(layers.size() > 60);
  emulation::for_each_schedule([&] {
    std::vector<Memory<float>> parameters, shadows;
    std::vector<Memory<uint8_t>> masks;
    std::vector<int64_t> kept(layers.size(), 1000);
    std::vector<cuda::MaskLayer> rows;
    for (size_t i = 0; i < layers.size(); ++i) {
      const Layer& layer = layers[i];
      parameters.emplace_back(layer.shadow.size(), layer.shift);
      shadows.emplace_back(layer.shadow, layer.shift);
      masks.emplace_back(layer.mask, layer.shift);
      rows.push_back({parameters[i].data(), shadows[i].data(), masks[i].data(), &kept[i],
                      static_cast<int64_t>(layer.shadow.size()), kThresholds, layer.use});
    }
    cuda::launch_masks(rows, nullptr);
    for (size_t i = 0; i < layers.size(); ++i) check_layer(layers[i], parameters[i], masks[i], kept[i]);
  });
}

}  // namespace finepune::test
