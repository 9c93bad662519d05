// The decoded-image cache as the core sees it: one memory-mapped file of uint8 images of one size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "train/options.h"

namespace finepune {

class ImageFile {
 public:
  // Maps the file read-only. Throws Error("E_USAGE") on sizes that are no sizes, Error("E_IO") where the file cannot be
  // opened or is shorter than the records claim.
  explicit ImageFile(ImageFileDescription description);
  ~ImageFile();
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  int64_t records() const { return description_.records; }
  int64_t height() const { return description_.height; }
  int64_t width() const { return description_.width; }
  int64_t channels() const { return description_.channels; }
  const std::string& path() const { return description_.path; }

  // Pixels of one record, height x width x channels; `record` must be below records().
  const uint8_t* record(int64_t record) const { return first_ + record * record_bytes_; }

 private:
  ImageFileDescription description_;
  int64_t record_bytes_ = 0;
  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
  const uint8_t* first_ = nullptr;
};

}  // namespace finepune
