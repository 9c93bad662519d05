#include "train/image_file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops/error.h"

namespace finepune {

namespace {

// Far above any image, far below where the products of sizes overflow.
constexpr int64_t largest_side = 1 << 16;
constexpr int64_t largest_records = int64_t{1} << 32;

[[noreturn]] void fail(const ImageFileDescription& file, const std::string& what) {
  throw Error("E_IO", "cannot map image cache " + file.path + ": " + what);
}

// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

}  // namespace

ImageFile::ImageFile(ImageFileDescription description) : description_(std::move(description)) {
  const ImageFileDescription& file = description_;
  const auto side = [](int64_t value) { return value >= 1 && value <= largest_side; };
  if (!side(file.height) || !side(file.width) || (file.channels != 1 && file.channels != 3) || file.records < 1 ||
      file.records > largest_records || file.offset < 0) {
    throw Error("E_USAGE", "expected an image file of 1 or more records, of sides of 1 to 65536 and 1 or 3 channels, "
                           "for " + file.path);
  }
  record_bytes_ = file.height * file.width * file.channels;
  const Descriptor descriptor(open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.value() < 0) fail(file, std::strerror(errno));
  struct stat status {};
  if (fstat(descriptor.value(), &status) != 0) fail(file, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(file, "it is not a regular file");
  if (file.offset > status.st_size || file.records > (status.st_size - file.offset) / record_bytes_) {
    fail(file, "it has " + std::to_string(status.st_size) + " bytes, too few for " + std::to_string(file.records) +
                   " records of " + std::to_string(record_bytes_) + " bytes; delete it to have it made again");
  }
  // From the start of the file, since a mapping's offset must lie on a page.
  mapped_bytes_ = static_cast<size_t>(file.offset + file.records * record_bytes_);
  void* mapping = mmap(nullptr, mapped_bytes_, PROT_READ, MAP_SHARED, descriptor.value(), 0);
  if (mapping == MAP_FAILED) fail(file, std::strerror(errno));
  mapping_ = mapping;
  first_ = static_cast<const uint8_t*>(mapping) + file.offset;
}

ImageFile::~ImageFile() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_bytes_);
}

}  // namespace finepune
