#include "devices.h"

#include "ops/device.h"

namespace finepune::test {

void require_device(c10::Device device) {
  if (device.is_cpu()) return;
  if (!is_built_with_cuda()) throw Skipped("this build has no CUDA");
  if (cuda_device_names().empty()) throw Skipped("no CUDA device is visible");
}

DeviceRegistration::DeviceRegistration(const std::string& name, void (*body)(c10::Device)) {
  for (const c10::Device device : {c10::Device(c10::kCPU), c10::Device(c10::kCUDA, 0)}) {
    cases().push_back({name + " [" + (device.is_cpu() ? "cpu" : "cuda") + "]", [device, body] {
                         require_device(device);
                         select_device(device);
                         // Whatever a test before has set.
                         set_product_precision(device, /*tensor_float32=*/false);
                         body(device);
                       }});
  }
}

}  // namespace finepune::test
