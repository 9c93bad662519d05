// Element types of activations in kernels; no libtorch here.
#pragma once

namespace finepune::cuda {

enum class Element { float32, bfloat16 };

}  // namespace finepune::cuda
