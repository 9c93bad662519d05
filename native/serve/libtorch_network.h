// A network loaded for inference through libtorch, which is how GPUs serve: layers skip the zeros of their weights
// where that is faster.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/network.h"
#include "serve/program.h"
#include "serve/served.h"
#include "serve/served_network.h"

namespace finepune::serve {

struct LibtorchOptions {
  at::Device device = at::kCPU;
  // Of libtorch, on the CPU.
  int64_t threads = 1;
  // Most images computed at once.
  int64_t largest_batch = 1;
  // measured: layers are timed dense and sparse, for every class of batch sizes (nn/by_batch_size.h); measured_dense
  // and dense: all stay dense; sparse: all skip their zeros. There are no other forms.
  Choice choice = Choice::measured;
};

// Belongs to the thread that made it, whose current device and number of threads it sets. On a GPU its products are
// float32's (ops/product_precision.h).
class LibtorchNetwork final : public Served {
 public:
  // Reads the tensors, which may go afterwards; times the layers' forms, and drops what is not used.
  // Throws std::invalid_argument naming the node or tensor at fault; Error("E_USAGE") on a form it has not, Error("E_OOM").
  LibtorchNetwork(const Graph& graph, const Tensors& tensors, LibtorchOptions options);
  ~LibtorchNetwork() override;

  const Graph& graph() const override { return network_->graph(); }
  // Throws Error("E_OOM").
  void run(const Images& images, float* logits) override;

  std::vector<LayerReport> layers() const override;
  // Of the weights, and of the values of the largest batch on a GPU; the CPU's are not counted.
  int64_t bytes() const override { return weight_bytes_ + value_bytes_; }

 private:
  struct Layer {
    std::string name;
    double density = 1;
    // By class of batch sizes.
    std::vector<bool> skips_zeros;
    int64_t bytes = 0;
  };

  void read(const Tensors& tensors);
  void choose_forms();
  Layer choose_form(size_t node);
  // Of batches of `images` images, and of both operators of `node`.
  bool is_faster(size_t node, Operator& skipping, Operator& dense, int64_t images);
  void measure_values();
  // Images [first, first + count), as the network's input.
  at::Tensor load(const Images& images, int64_t first, int64_t count) const;

  LibtorchOptions options_;
  std::unique_ptr<Network> network_;
  std::vector<Layer> layers_;
  int64_t weight_bytes_ = 0, value_bytes_ = 0;
};

}  // namespace finepune::serve
