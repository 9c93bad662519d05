// From activations and images to raw memory and the current stream.
#include <ATen/Functions.h>

#include "ops/cuda/folded_kernel.h"
#include "ops/cuda/operators.h"
#include "ops/cuda/place.h"
#include "ops/cuda/pooled_kernel.h"
#include "ops/cuda/rectified_kernel.h"

namespace finepune::cuda {

namespace {

ActivationShape shape_of(const at::Tensor& activations) {
  return {.element = activations.scalar_type() == at::kFloat ? Element::float32 : Element::bfloat16,
          .images = activations.size(0),
          .channels = static_cast<int32_t>(activations.size(1))};
}

int64_t pixels_of(const at::Tensor& activations) {
  return activations.size(0) * activations.size(2) * activations.size(3);
}

const float* data_of(const std::optional<at::Tensor>& bias) {
  return bias ? bias->const_data_ptr<float>() : nullptr;
}

at::Tensor empty_like_images(const at::Tensor& activations, int64_t height, int64_t width, at::ScalarType type) {
  return at::empty({activations.size(0), activations.size(1), height, width},
                   activations.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
}

// Keeps gradients and returns the sums over their pixels, or an undefined tensor.
at::Tensor keep(const at::Tensor& gradient, const KeptGradients& kept, bool wants_bias, cudaStream_t stream) {
  const ActivationShape shape = shape_of(gradient);
  const int64_t pixels = pixels_of(gradient);
  at::Tensor scratch, sums;
  if (wants_bias) {
    const auto floats = gradient.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous);
    scratch = at::empty({partial_sums(pixels, shape.channels), shape.channels}, floats);
    sums = at::empty({shape.channels}, floats);
  }
  if (wants_bias || kept.result != nullptr) {
    launch_keep_gradients(shape, pixels, kept, wants_bias ? scratch.data_ptr<float>() : nullptr,
                          wants_bias ? sums.data_ptr<float>() : nullptr, stream);
  }
  return sums;
}

}  // namespace

void rectify_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias) {
  const Place place(sums);
  launch_rectify(shape_of(sums), pixels_of(sums), sums.data_ptr(), data_of(bias), place.stream());
}

std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor& gradient, const at::Tensor& output,
                                                        bool wants_bias) {
  const Place place(gradient);
  const at::Tensor result = at::empty_like(output);
  const KeptGradients kept{gradient.const_data_ptr(), output.const_data_ptr(), nullptr, result.data_ptr()};
  at::Tensor bias = keep(gradient, kept, wants_bias, place.stream());
  return {result, std::move(bias)};
}

PooledSums pool_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify, const PoolGrid& grid) {
  const Place place(sums);
  PooledSums pooled{empty_like_images(sums, grid.output_height, grid.output_width, sums.scalar_type()),
                    empty_like_images(sums, grid.output_height, grid.output_width, at::kByte)};
  launch_pool(shape_of(sums), grid, sums.const_data_ptr(), data_of(bias), rectify, pooled.values.data_ptr(),
              pooled.places.data_ptr<uint8_t>(), place.stream());
  return pooled;
}

std::pair<at::Tensor, at::Tensor> pool_sums_backward(const at::Tensor& gradient, const at::Tensor& places,
                                                     const PoolGrid& grid, bool wants_bias) {
  const Place place(gradient);
  const at::Tensor result = empty_like_images(gradient, grid.height, grid.width, gradient.scalar_type());
  launch_pool_backward(shape_of(gradient), grid, gradient.const_data_ptr(), places.const_data_ptr<uint8_t>(),
                       result.data_ptr(), place.stream());
  const KeptGradients kept{gradient.const_data_ptr(), nullptr, places.const_data_ptr<uint8_t>(), nullptr};
  at::Tensor bias = keep(gradient, kept, wants_bias, place.stream());
  return {result, std::move(bias)};
}

at::Tensor fold_pixels(const at::Tensor& images, const BlockGrid& grid, int64_t channels, at::ScalarType type) {
  const Place place(images);
  const at::Tensor folded =
      at::empty({images.size(0), channels, grid.blocks[0], grid.blocks[1]},
                images.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
  const auto narrow = [](int64_t size) { return static_cast<int32_t>(size); };
  launch_fold({.pixels = images.const_data_ptr<float>(),
               .folded = folded.data_ptr(),
               .element = type == at::kFloat ? Element::float32 : Element::bfloat16,
               .images = images.size(0),
               .height = narrow(images.size(2)),
               .width = narrow(images.size(3)),
               .channels = narrow(images.size(1)),
               .stride = narrow(grid.stride),
               .top = narrow(grid.top),
               .left = narrow(grid.left),
               .block_rows = narrow(grid.blocks[0]),
               .block_columns = narrow(grid.blocks[1]),
               .folded_channels = narrow(channels)},
              place.stream());
  return folded;
}

}  // namespace finepune::cuda
