#include "serve/images.h"

namespace finepune::serve {

void load_row(const Images& images, int64_t first, const Planes& input, int64_t c, int64_t y) {
  const auto& layout = input.layout;
  const int64_t pixel = input.pixel, width = layout.width;
  float* to = input.row(c, y);
  for (int64_t lane = 0; lane < pixel; ++lane) {
    const int64_t image = first + lane;
    if (image >= images.count) {
      for (int64_t x = 0; x < width; ++x) to[x * pixel + lane] = 0;
    } else if (images.floats != nullptr) {
      const float* from = images.floats + ((image * layout.channels + c) * layout.height + y) * width;
      for (int64_t x = 0; x < width; ++x) to[x * pixel + lane] = from[x];
    } else {
      const size_t place = static_cast<size_t>(c);
      const int64_t row = (image * images.stored_height + images.top + y) * images.stored_width + images.left;
      const uint8_t* from = images.bytes + row * layout.channels + images.source[place];
      const float factor = images.factor[place], shift = images.shift[place];
      for (int64_t x = 0; x < width; ++x) {
        to[x * pixel + lane] = static_cast<float>(from[x * layout.channels]) * factor + shift;
      }
    }
  }
}

}  // namespace finepune::serve
