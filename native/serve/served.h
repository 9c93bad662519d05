// A network loaded for inference, whatever computes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/graph.h"
#include "serve/images.h"
#include "serve/weights.h"

namespace finepune::serve {

struct LayerReport {
  std::string name;
  double density;
  // For single images, and for many together (the same where that is never done).
  Form single, wide;
  int64_t bytes;
};

// Not thread-safe.
class Served {
 public:
  virtual ~Served() = default;

  virtual const Graph& graph() const = 0;
  // Logits [images.count][graph().classes].
  virtual void run(const Images& images, float* logits) = 0;

  virtual std::vector<LayerReport> layers() const = 0;
  // Of weights and of the memory that values lie in.
  virtual int64_t bytes() const = 0;
};

}  // namespace finepune::serve
