#include "ops/host_allocator.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include "memory/huge_pages.h"

namespace finepune {

namespace {

constexpr size_t smallest_block = size_t{1} << 20;
// Bytes that may be kept beside the most in use, where that is no less: a forward pass needs a block of another size for
// every layer.
constexpr size_t free_slack = size_t{192} << 20;
constexpr size_t granularity = size_t{64} << 10;

// Blocks of memory by size. A kept block serves a request down to 7/8 of its size, and a smaller one where memory is
// short.
class BlockCache {
 public:
  // `bytes` is at least smallest_block. Throws std::bad_alloc.
  void* take(size_t bytes) {
    const size_t size = rounded(bytes);
    const std::lock_guard lock(mutex_);
    void* address = reuse(size);
    if (address == nullptr) address = reuse_larger(size);
    if (address == nullptr) address = fresh(size);
    used_most_ = std::max(used_most_, used_);
    return address;
  }

  // False where the block is not of this cache.
  bool give_back(void* address) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = in_use_.find(address);
    if (found == in_use_.end()) return false;
    const size_t size = found->second;
    in_use_.erase(found);
    used_ -= size;
    try {
      kept_.emplace(size, Kept{address, ++clock_});
      kept_bytes_ += size;
    } catch (const std::bad_alloc&) {
      // Without memory to note it down it is not kept.
      std::free(address);
    }
    return true;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    while (!kept_.empty()) release_one(kept_.begin());
    used_most_ = used_;
  }

 private:
  struct Kept {
    void* address;
    // When it was given back.
    uint64_t time;
  };
  using Blocks = std::multimap<size_t, Kept>;

  static size_t rounded(size_t bytes) {
    const size_t unit = bytes >= 4 * kHugePage ? kHugePage : granularity;
    return (bytes + unit - 1) / unit * unit;
  }

  void* reuse(size_t size) {
    const auto found = kept_.lower_bound(size);
    if (found == kept_.end() || found->first > size + size / 7) return nullptr;
    return take_kept(found);
  }

  // Where a new block would push kept ones out, one that is too large will do, as long as no more is in use than ever
  // was: a forward pass alone, which needs a block of another size for every layer, would fault all its memory in anew.
  void* reuse_larger(size_t size) {
    const auto found = kept_.lower_bound(size);
    const bool fits = used_ + kept_bytes_ + size <= most_held(size);
    if (fits || found == kept_.end() || used_ + found->first > used_most_) return nullptr;
    return take_kept(found);
  }

  void* take_kept(Blocks::iterator block) {
    void* address = block->second.address;
    hold(address, block->first);
    kept_bytes_ -= block->first;
    kept_.erase(block);
    return address;
  }

  // Bytes held at most, with a new block of `size` in use.
  size_t most_held(size_t size) const {
    const size_t most = std::max(used_most_, used_ + size);
    return most + std::max(most / 8, std::min(most, free_slack));
  }

  void* fresh(size_t size) {
    while (!kept_.empty() && used_ + kept_bytes_ + size > most_held(size)) release_oldest();
    Block block = allocate(size);
    if (!block) {
      while (!kept_.empty()) release_one(kept_.begin());
      block = allocate(size);
    }
    if (!block) throw std::bad_alloc();
    hold(block.get(), size);
    return block.release();
  }

  struct Free {
    void operator()(void* address) const { std::free(address); }
  };
  using Block = std::unique_ptr<void, Free>;

  // Null where the system has no more.
  static Block allocate(size_t size) {
    const bool huge = size >= 2 * kHugePage;
    void* address = nullptr;
    if (posix_memalign(&address, huge ? kHugePage : 64, size) != 0) return nullptr;
    if (huge) ask_for_huge_pages(address, size);
    return Block(address);
  }

  void hold(void* address, size_t size) {
    in_use_.emplace(address, size);
    used_ += size;
  }

  void release_one(Blocks::iterator block) {
    std::free(block->second.address);
    kept_bytes_ -= block->first;
    kept_.erase(block);
  }

  void release_oldest() {
    release_one(std::min_element(kept_.begin(), kept_.end(), [](const auto& left, const auto& right) {
      return left.second.time < right.second.time;
    }));
  }

  std::mutex mutex_;
  Blocks kept_;
  std::unordered_map<void*, size_t> in_use_;
  size_t used_ = 0;
  size_t used_most_ = 0;
  size_t kept_bytes_ = 0;
  uint64_t clock_ = 0;
};

BlockCache& cache() {
  // Never destroyed: tensors in statics of libtorch may outlive any order of destruction.
  static auto* blocks = new BlockCache;
  return *blocks;
}

void release(void* address) {
  if (address != nullptr && !cache().give_back(address)) c10::free_cpu(address);
}

class HostAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* address = bytes >= smallest_block ? cache().take(bytes) : c10::alloc_cpu(bytes);
    return {address, address, release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return release; }
  void copy_data(void* destination, const void* source, size_t count) const override {
    default_copy_data(destination, source, count);
  }
};

}  // namespace

void install_host_allocator() {
  static std::once_flag once;
  // libtorch takes the allocator of the highest priority and never deletes it.
  std::call_once(once, [] {
    if (std::getenv("FINEPUNE_NO_MEMORY_CACHING") == nullptr) c10::SetCPUAllocator(new HostAllocator, 255);
  });
}

void release_kept_host_memory() { cache().release(); }

}  // namespace finepune
