#include "emulation.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include <cuda_runtime.h>

#include "fibers.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace finepune::emulation {

namespace {

constexpr unsigned kMostThreads = 1024;
constexpr unsigned kMostGridRows = 65535;
// Behind the dynamic shared memory: NaN for who reads too far, and changed by who writes there.
constexpr size_t kGuardBytes = 1024;

enum class State { ready, in_block_meeting, in_warp_meeting, returned };

struct Copy {
  void* to;
  const void* from;
  int group;
};

// A thread of the block that runs.
struct Fiber {
  void* place = nullptr;
  State state = State::ready;
  uint3 thread{};
  // What it waits for.
  std::source_location site;
  uint32_t mask = 0;
  void* own = nullptr;
  void (*finish)(void* const*) = nullptr;
  // Those under way, and how many groups have ended.
  std::vector<Copy> copies;
  int groups = 0;
};

struct alignas(16) Line {
  char bytes[16];
};

Stacks stacks;
std::vector<Fiber> fibers;
Fiber* running = nullptr;
void* scheduler = nullptr;
const std::function<void()>* body = nullptr;
size_t count = 0, returned = 0, in_block_meeting = 0;
std::source_location block_site;
std::string failure;
std::vector<Line> shared;
std::vector<void*> begun;
Schedule chosen;
cudaError_t last_error = cudaSuccess;
std::map<const void*, size_t> most_shared;

void leave() { finepune_switch_fiber(&running->place, scheduler); }

std::string text_of(const std::source_location& site) {
  return std::string(site.file_name()) + ":" + std::to_string(site.line());
}

bool same(const std::source_location& left, const std::source_location& right) {
  if (left.line() != right.line()) return false;
  return left.file_name() == right.file_name() || std::strcmp(left.file_name(), right.file_name()) == 0;
}

Fiber* first_of_warp(const Fiber& fiber) { return &fibers[(&fiber - fibers.data()) / kLanes * kLanes]; }

int lanes_of_warp(const Fiber* first) {
  return static_cast<int>(std::min<size_t>(kLanes, count - static_cast<size_t>(first - fibers.data())));
}

void end_block_meeting() {
  if (in_block_meeting == 0 || in_block_meeting + returned < count) return;
  for (size_t i = 0; i < count; ++i) {
    if (fibers[i].state == State::in_block_meeting) fibers[i].state = State::ready;
  }
  in_block_meeting = 0;
}

// Ends the meeting that `fiber` waits in, where nobody is missing.
void end_warp_meeting(const Fiber& fiber) {
  Fiber* warp = first_of_warp(fiber);
  const int lanes = lanes_of_warp(warp);
  void* own[kLanes] = {};
  // The lane that comes next is the first to be missed.
  const int own_lane = static_cast<int>(&fiber - warp);
  for (int step = 0; step < kLanes; ++step) {
    const int i = (own_lane + (chosen.descending ? kLanes - step : step)) % kLanes;
    if (i >= lanes || (fiber.mask >> i & 1u) == 0 || warp[i].state == State::returned) continue;
    const bool there = warp[i].state == State::in_warp_meeting && warp[i].mask == fiber.mask &&
                       warp[i].finish == fiber.finish && same(warp[i].site, fiber.site);
    if (!there) return;
    own[i] = warp[i].own;
  }
  fiber.finish(own);
  for (int i = 0; i < lanes; ++i) {
    if (own[i] != nullptr) warp[i].state = State::ready;
  }
}

void finish_thread() {
  running->state = State::returned;
  ++returned;
  end_block_meeting();
  Fiber* warp = first_of_warp(*running);
  for (int i = 0; i < lanes_of_warp(warp); ++i) {
    if (warp[i].state == State::in_warp_meeting) end_warp_meeting(warp[i]);
  }
}

void run_thread() {
  try {
    (*body)();
  } catch (const std::exception& error) {
    fail(error.what());
  }
  finish_thread();
  leave();
}

// Where the threads are that have not returned.
std::string deadlock() {
  std::map<std::string, int> waiting;
  for (size_t i = 0; i < count; ++i) {
    const Fiber& fiber = fibers[i];
    if (fiber.state == State::in_block_meeting) ++waiting["for the block at " + text_of(fiber.site)];
    if (fiber.state == State::in_warp_meeting) ++waiting["for lanes of the warp at " + text_of(fiber.site)];
  }
  std::string text = "threads of a block wait forever: " + std::to_string(returned) + " have returned";
  for (const auto& [where, threads] : waiting) text += ", " + std::to_string(threads) + " wait " + where;
  return text;
}

void resume(Fiber& fiber) {
  running = &fiber;
  threadIdx = fiber.thread;
  finepune_switch_fiber(&scheduler, fiber.place);
  if (!failure.empty()) throw std::logic_error(std::exchange(failure, {}));
}

void begin_block(const Configuration& configuration) {
  returned = in_block_meeting = 0;
  begun.clear();
  shared.resize((configuration.shared_bytes + kGuardBytes) / sizeof(Line) + 1);
  std::memset(static_cast<void*>(shared.data()), kPoison, shared.size() * sizeof(Line));
  for (size_t i = 0; i < count; ++i) {
    Fiber& fiber = fibers[i];
    const auto index = static_cast<unsigned>(i);
    fiber.place = stacks.begin(i, &run_thread);
    fiber.state = State::ready;
    fiber.thread = {index % blockDim.x, index / blockDim.x % blockDim.y, index / blockDim.x / blockDim.y};
    fiber.copies.clear();
    fiber.groups = 0;
  }
}

void check_guard(const Configuration& configuration) {
  const auto* guard = reinterpret_cast<const unsigned char*>(shared.data()) + configuration.shared_bytes;
  const bool whole = std::all_of(guard, guard + kGuardBytes, [](unsigned char byte) { return byte == kPoison; });
  if (!whole) throw std::logic_error("a block wrote behind its dynamic shared memory");
}

// Runs each of `threads` threads from number `first` on that can run, once. Returns whether there was one.
bool run_threads(size_t first, size_t threads) {
  bool moved = false;
  for (size_t i = 0; i < threads; ++i) {
    Fiber& fiber = fibers[first + (chosen.descending ? threads - 1 - i : i)];
    if (fiber.state != State::ready) continue;
    resume(fiber);
    moved = true;
  }
  return moved;
}

void run_block(const Configuration& configuration) {
  begin_block(configuration);
  const size_t warps = (count + kLanes - 1) / kLanes;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t i = 0; i < warps; ++i) {
      const size_t first = (chosen.descending ? warps - 1 - i : i) * kLanes;
      // As far as it comes, so that what it does too early or too late meets warps that are far from it.
      while (run_threads(first, std::min<size_t>(kLanes, count - first))) moved = true;
    }
  }
  if (returned < count) throw std::logic_error(deadlock());
  check_guard(configuration);
}

cudaError_t refusal(const Configuration& configuration, const void* kernel) {
  const dim3& blocks = configuration.blocks;
  const dim3& threads = configuration.threads;
  const uint64_t all = uint64_t{threads.x} * threads.y * threads.z;
  if (all == 0 || all > kMostThreads || threads.z > 64) return cudaErrorInvalidConfiguration;
  if (blocks.x == 0 || blocks.y == 0 || blocks.z == 0) return cudaErrorInvalidConfiguration;
  if (blocks.x > 0x7fffffffu || blocks.y > kMostGridRows || blocks.z > kMostGridRows) return cudaErrorInvalidConfiguration;
  const auto asked = most_shared.find(kernel);
  const size_t most = asked == most_shared.end() ? kSharedBytes : std::max(kSharedBytes, asked->second);
  return configuration.shared_bytes > most ? cudaErrorInvalidValue : cudaSuccess;
}

// Copies of the oldest groups, but for the last `groups` that have ended.
void perform_copies(Fiber& fiber, int groups) {
  const auto is_left = [&](const Copy& copy) { return copy.group >= fiber.groups - groups; };
  const auto end = std::find_if(fiber.copies.begin(), fiber.copies.end(), is_left);
  for (auto copy = fiber.copies.begin(); copy != end; ++copy) {
    if (copy->from == nullptr) {
      std::memset(copy->to, 0, sizeof(Line));
    } else {
      std::memcpy(copy->to, copy->from, sizeof(Line));
    }
  }
  fiber.copies.erase(fiber.copies.begin(), end);
}

}  // namespace

void set_schedule(const Schedule& schedule) { chosen = schedule; }

void run(const Configuration& configuration, const void* kernel, const std::function<void()>& thread) {
  last_error = refusal(configuration, kernel);
  if (last_error != cudaSuccess) return;
  gridDim = configuration.blocks;
  blockDim = configuration.threads;
  body = &thread;
  count = size_t{blockDim.x} * blockDim.y * blockDim.z;
  if (fibers.size() < count) fibers.resize(count);
  const uint64_t blocks = uint64_t{gridDim.x} * gridDim.y * gridDim.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t block = chosen.descending ? blocks - 1 - i : i;
    blockIdx = {static_cast<unsigned>(block % gridDim.x), static_cast<unsigned>(block / gridDim.x % gridDim.y),
                static_cast<unsigned>(block / gridDim.x / gridDim.y)};
    run_block(configuration);
  }
}

void fail(const std::string& message) {
  if (failure.empty()) failure = message;
  leave();
}

int lane() { return static_cast<int>(running - first_of_warp(*running)); }

void meet_block(const std::source_location& site) {
  if (in_block_meeting == 0) block_site = site;
  if (!same(block_site, site)) {
    fail("threads of a block meet at " + text_of(block_site) + " and at " + text_of(site));
  }
  running->site = site;
  running->state = State::in_block_meeting;
  ++in_block_meeting;
  end_block_meeting();
  if (running->state != State::ready) leave();
}

void meet_warp(uint32_t mask, void* own, void (*finish)(void* const*), const std::source_location& site) {
  if ((mask >> lane() & 1u) == 0) fail("a lane is not in its own mask at " + text_of(site));
  running->site = site;
  running->mask = mask;
  running->own = own;
  running->finish = finish;
  running->state = State::in_warp_meeting;
  end_warp_meeting(*running);
  if (running->state != State::ready) leave();
}

void* shared_memory() { return shared.data(); }

void begin_shared(void* variable, size_t bytes) {
  if (std::find(begun.begin(), begun.end(), variable) != begun.end()) return;
  begun.push_back(variable);
  std::memset(variable, kPoison, bytes);
}

void begin_copy(void* to, const void* from) {
  if (reinterpret_cast<uintptr_t>(to) % sizeof(Line) != 0 || reinterpret_cast<uintptr_t>(from) % sizeof(Line) != 0) {
    fail("begin_copy needs addresses on 16 bytes");
  }
  running->copies.push_back({to, from, running->groups});
  // The copy is of the group that has not ended yet.
  if (chosen.early_copies) perform_copies(*running, -1);
}

void end_copy_group() { ++running->groups; }

void wait_for_copies(int groups) { perform_copies(*running, groups); }

}  // namespace finepune::emulation

cudaError_t cudaGetLastError() { return std::exchange(finepune::emulation::last_error, cudaSuccess); }

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
  }
  return "unrecognized error code";
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return cudaErrorInvalidValue;
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = finepune::emulation::kMultiprocessors; break;
    case cudaDevAttrComputeCapabilityMajor: *value = finepune::emulation::compute_capability_major; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(finepune::emulation::kMostSharedBytes);
      break;
  }
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
      static_cast<size_t>(value) > finepune::emulation::kMostSharedBytes) {
    return cudaErrorInvalidValue;
  }
  size_t& most = finepune::emulation::most_shared[kernel];
  if (static_cast<size_t>(value) < most) {
    throw std::logic_error("a kernel's limit of shared memory was lowered, below what recorded launches may need");
  }
  most = static_cast<size_t>(value);
  return cudaSuccess;
}
