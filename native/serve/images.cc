#include "serve/images.h"

namespace finepune::serve {

namespace {

// Channel c of row y of one image, into every `pixel`th float.
[[gnu::always_inline]] inline void load_lane(const Images& images, int64_t image, const Layout& layout, int64_t c,
                                             int64_t y, int64_t pixel, float* to) {
  const int64_t width = layout.width;
  if (image >= images.count) {
    for (int64_t x = 0; x < width; ++x) to[x * pixel] = 0;
  } else if (images.floats != nullptr) {
    const float* from = images.floats + ((image * layout.channels + c) * layout.height + y) * width;
    for (int64_t x = 0; x < width; ++x) to[x * pixel] = from[x];
  } else {
    const size_t place = static_cast<size_t>(c);
    const int64_t row = (image * images.stored_height + images.top + y) * images.stored_width + images.left;
    const uint8_t* from = images.bytes + row * layout.channels + images.source[place];
    const float factor = images.factor[place], shift = images.shift[place];
    const int64_t channels = layout.channels;
    for (int64_t x = 0; x < width; ++x) to[x * pixel] = static_cast<float>(from[x * channels]) * factor + shift;
  }
}

}  // namespace

void load_row(const Images& images, int64_t first, const Planes& input, int64_t c, int64_t y) {
  float* to = input.row(c, y);
  // A pixel of one float said so, the loops become loops over vectors.
  if (input.pixel == 1) return load_lane(images, first, input.layout, c, y, 1, to);
  for (int64_t lane = 0; lane < input.pixel; ++lane) {
    load_lane(images, first + lane, input.layout, c, y, input.pixel, to + lane);
  }
}

}  // namespace finepune::serve
