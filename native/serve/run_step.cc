#include "serve/run_step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "serve/pool_rows.h"

namespace finepune::serve {

void clear_padding(const Planes& planes, int64_t channel) {
  const Layout& layout = planes.layout;
  if (!layout.is_padded()) return;
  const auto clear = [&](float* from, const float* to) {
    if (to > from) std::memset(from, 0, static_cast<size_t>(to - from) * sizeof(float));
  };
  float* start = planes.data + channel * layout.plane() * planes.pixel;
  clear(start, planes.row(channel, 0));
  for (int64_t y = 0; y + 1 < layout.height; ++y) {
    clear(planes.row(channel, y) + layout.width * planes.pixel, planes.row(channel, y + 1));
  }
  clear(planes.row(channel, layout.height - 1) + layout.width * planes.pixel, start + layout.plane() * planes.pixel);
}

void run_pool(const StepContext& context, const Step& step, const StepMemory& memory) {
  const Planes &input = memory.inputs[0], &output = memory.output;
  context.team.run(context.threads, context.first_worker, input.layout.channels, [&](int64_t channel, int64_t worker) {
    clear_padding(output, channel);
    pool_rows(context, step, {input, channel}, {output, channel}, {0, output.layout.height},
              context.scratch[worker].take(pool_scratch(context, step.windows)));
  });
}

namespace {

// Of a channel of one image. Eight sums: additions do not wait for one another, and errors stay small.
float plane_sum(const Planes& input, int64_t channel) {
  const Layout& layout = input.layout;
  const bool in_one_piece = layout.row_stride() == layout.width;
  const int64_t rows = in_one_piece ? 1 : layout.height,
                width = in_one_piece ? layout.height * layout.width : layout.width;
  float sums[8] = {};
  for (int64_t y = 0; y < rows; ++y) {
    const float* row = input.row(channel, y);
    int64_t x = 0;
    for (; x + 8 <= width; x += 8) {
      for (int64_t i = 0; i < 8; ++i) sums[i] += row[x + i];
    }
    for (; x < width; ++x) sums[x % 8] += row[x];
  }
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

}  // namespace

void run_global_average(const StepContext& context, const Step& step, const StepMemory& memory) {
  static_cast<void>(step);
  const Planes &input = memory.inputs[0], &output = memory.output;
  const int64_t pixel = context.pixel, width = input.layout.width;
  const float factor = 1.0f / static_cast<float>(input.layout.height * width);
  context.team.run(context.threads, context.first_worker, input.layout.channels, [&](int64_t channel, int64_t) {
    clear_padding(output, channel);
    float* to = output.row(channel, 0);
    if (pixel == 1) {
      to[0] = plane_sum(input, channel) * factor;
      return;
    }
    for (int64_t lane = 0; lane < pixel; ++lane) to[lane] = 0;
    for (int64_t y = 0; y < input.layout.height; ++y) {
      const float* row = input.row(channel, y);
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t lane = 0; lane < pixel; ++lane) to[lane] += row[x * pixel + lane];
      }
    }
    for (int64_t lane = 0; lane < pixel; ++lane) to[lane] *= factor;
  });
}

void run_local_response(const StepContext& context, const Step& step, const StepMemory& memory) {
  const Planes &input = memory.inputs[0], &output = memory.output;
  const int64_t pixel = context.pixel;
  if (output.layout.is_padded()) {
    for (int64_t channel = 0; channel < output.layout.channels; ++channel) clear_padding(output, channel);
  }
  context.team.run(context.threads, context.first_worker, input.layout.height, [&](int64_t y, int64_t) {
    context.kernels.response({input.row(0, y), output.row(0, y), input.layout.plane() * pixel,
                              output.layout.plane() * pixel, input.layout.channels, input.layout.width * pixel,
                              step.before, step.after, step.alpha, step.beta, step.response_bias});
  });
}

void run_elementwise(const StepContext& context, const Step& step, const StepMemory& memory) {
  const Planes& output = memory.output;
  const int64_t count = output.layout.width * context.pixel;
  context.team.run(context.threads, context.first_worker, output.layout.channels, [&](int64_t channel, int64_t) {
    clear_padding(output, channel);
    const float factor = step.factor.empty() ? 1.0f : step.factor[channel];
    const float bias = step.bias.empty() ? 0.0f : step.bias[channel];
    for (int64_t y = 0; y < output.layout.height; ++y) {
      float* to = output.row(channel, y);
      const float* from = memory.inputs[0].row(channel, y);
      for (int64_t i = 0; i < count; ++i) to[i] = from[i] * factor + bias;
      for (size_t input = 1; input < memory.inputs.size(); ++input) {
        const float* other = memory.inputs[input].row(channel, y);
        for (int64_t i = 0; i < count; ++i) to[i] += other[i];
      }
      for (int64_t i = 0; i < count; ++i) {
        const float value = to[i] < step.low ? step.low : to[i];
        to[i] = value > step.high ? step.high : value;
      }
    }
  });
}

void run_softmax(const StepContext& context, const Step& step, const StepMemory& memory) {
  static_cast<void>(step);
  const Planes &input = memory.inputs[0], &output = memory.output;
  const int64_t channels = input.layout.channels;
  for (int64_t channel = 0; channel < channels; ++channel) clear_padding(output, channel);
  for (int64_t y = 0; y < input.layout.height; ++y) {
    for (int64_t i = 0; i < input.layout.width * context.pixel; ++i) {
      float largest = input.row(0, y)[i];
      for (int64_t c = 1; c < channels; ++c) largest = std::max(largest, input.row(c, y)[i]);
      double total = 0;
      for (int64_t c = 0; c < channels; ++c) {
        const float value = std::exp(input.row(c, y)[i] - largest);
        output.row(c, y)[i] = value;
        total += static_cast<double>(value);
      }
      for (int64_t c = 0; c < channels; ++c) {
        output.row(c, y)[i] = static_cast<float>(static_cast<double>(output.row(c, y)[i]) / total);
      }
    }
  }
}

void run_step(const StepContext& context, const Step& step, Form form, const StepMemory& memory) {
  switch (step.kind) {
    case StepKind::convolution:
      return run_convolution(context, step, form, memory);
    case StepKind::max_pool:
    case StepKind::average_pool:
      return run_pool(context, step, memory);
    case StepKind::global_average:
      return run_global_average(context, step, memory);
    case StepKind::local_response:
      return run_local_response(context, step, memory);
    case StepKind::add:
    case StepKind::scale:
      return run_elementwise(context, step, memory);
    case StepKind::softmax:
      return run_softmax(context, step, memory);
    case StepKind::linear:
      return;
  }
}

}  // namespace finepune::serve
