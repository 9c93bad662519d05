#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "check.h"
#include "no_more_threads.h"
#include "ops/error.h"
#include "ops/preprocessing.h"
#include "train/batch_loader.h"

namespace finepune::test {
namespace {

// A file of `records` images of 4 x 4 grey pixels, all of record i's worth i; removed at the end.
class GreyFile {
 public:
  explicit GreyFile(int records) {
    path_ = (std::filesystem::temp_directory_path() / ("finepune-images-" + std::to_string(getpid()))).string();
    std::ofstream file(path_, std::ios::binary);
    file << "head";
    for (int i = 0; i < records; ++i) file << std::string(16, static_cast<char>(i));
  }
  ~GreyFile() { std::remove(path_.c_str()); }
  GreyFile(const GreyFile&) = delete;
  GreyFile& operator=(const GreyFile&) = delete;
  ImageFileDescription description(int64_t records) const { return {path_, 4, records, 4, 4, 1}; }

 private:
  std::string path_;
};

}  // namespace

TEST("batches come in order whatever the number of threads, the last one short") {
  const GreyFile grey(50);
  const auto file = std::make_shared<const ImageFile>(grey.description(50));
  for (const int threads : {1, 2, 5}) {
    BatchLoader loader({.file = file,
                        .channels = make_channel_map({ChannelOrder::gray, 1, {0}, {1}}, 1),
                        .output = {4, 4},
                        .batches = 25,
                        .batch_size = 2,
                        .threads = threads},
                       [](int64_t batch, std::vector<BatchItem>& items) {
                         for (int64_t i = 0; i < (batch == 24 ? 1 : 2); ++i) {
                           items.push_back({static_cast<uint32_t>(batch * 2 + i), static_cast<int32_t>(batch), {0, 0, 4, 4, false, false}});
                         }
                       });
    for (int64_t batch = 0; batch < 25; ++batch) {
      const Batch& next = loader.next();
      CHECK_EQUAL(next.images.size(0), batch == 24 ? 1 : 2);
      CHECK_EQUAL(next.images[0][0][0][0].item<float>(), static_cast<float>(batch * 2));
      CHECK_EQUAL(next.labels[0].item<int64_t>(), batch);
    }
  }
}

TEST("batches come where the system begins no more threads") {
  const GreyFile grey(1);
  const auto file = std::make_shared<const ImageFile>(grey.description(1));
  const auto take_all = [&file](int64_t batches, int threads) {
    BatchLoader loader({.file = file,
                        .channels = make_channel_map({ChannelOrder::gray, 1, {0}, {1}}, 1),
                        .output = {4, 4},
                        .batches = batches,
                        .batch_size = 1,
                        .threads = threads},
                       [](int64_t batch, std::vector<BatchItem>& items) {
                         items.push_back({0, static_cast<int32_t>(batch), {0, 0, 4, 4, false, false}});
                       });
    for (int64_t batch = 0; batch < batches; ++batch) CHECK_EQUAL(loader.next().labels[0].item<int64_t>(), batch);
  };
  // What a process allocates only once, for its first tensors, is not to be missed under the limit.
  take_all(1, 1);
  const NoMoreThreads limit;
  take_all(1000, 1000);
}

TEST("what a loader thread throws comes out of next, and an unfinished loader ends") {
  const GreyFile grey(10);
  const auto file = std::make_shared<const ImageFile>(grey.description(10));
  BatchLoader loader({.file = file,
                      .channels = make_channel_map({ChannelOrder::gray, 1, {0}, {1}}, 1),
                      .output = {4, 4},
                      .batches = 100,
                      .batch_size = 1,
                      .threads = 2},
                     [](int64_t batch, std::vector<BatchItem>& items) {
                       if (batch == 3) throw Error("E_INTERNAL", "batch three");
                       items.push_back({0, 0, {0, 0, 4, 4, false, false}});
                     });
  CHECK_THROWS(Error, "batch three", for (int i = 0; i < 10; ++i) loader.next());
}

TEST("an image file that is missing, too short or of impossible sizes is refused") {
  const GreyFile grey(10);
  CHECK_THROWS(Error, "too few for 11 records", ImageFile(grey.description(11)));
  CHECK_THROWS(Error, "No such file", ImageFile({"/nowhere/images", 0, 1, 4, 4, 1}));
  CHECK_THROWS(Error, "expected an image file", ImageFile({"/nowhere/images", 0, 1, 4, 4, 2}));
  CHECK_THROWS(Error, "expected an image file", ImageFile({"/nowhere/images", 0, 0, 4, 4, 1}));
  CHECK_THROWS(Error, "not a regular file", ImageFile({"/", 0, 1, 4, 4, 1}));
}

}  // namespace finepune::test
