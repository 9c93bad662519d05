// One test on every device: TEST_ON_DEVICES("what it holds") { ... device ... } runs on the CPU and on the first CUDA device,
// and is skipped there, with the reason, where there is none.
#pragma once

#include <string>

#include <c10/core/Device.h>

#include "check.h"

namespace finepune::test {

// Throws Skipped where this process has no such device.
void require_device(c10::Device device);

struct DeviceRegistration {
  DeviceRegistration(const std::string& name, void (*body)(c10::Device));
};

}  // namespace finepune::test

#define FINEPUNE_TEST_ON_DEVICES(name, place)                                                                      \
  static void FINEPUNE_JOIN(test_body_, place)(c10::Device);                                                       \
  static const ::finepune::test::DeviceRegistration FINEPUNE_JOIN(test_case_, place)(                              \
      name, &FINEPUNE_JOIN(test_body_, place));                                                                    \
  static void FINEPUNE_JOIN(test_body_, place)([[maybe_unused]] c10::Device device)

#define TEST_ON_DEVICES(name) FINEPUNE_TEST_ON_DEVICES(name, __COUNTER__)
