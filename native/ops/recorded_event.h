// A place within the work of a DeviceGraph for which other streams can wait at every replay.
#pragma once

#include <memory>

#include <c10/core/Stream.h>

namespace finepune {

// Everything here throws c10::Error on what the device refuses, and Error("E_DEVICE") in a build without CUDA.
class RecordedEvent {
 public:
  RecordedEvent();
  ~RecordedEvent();
  RecordedEvent(const RecordedEvent&) = delete;
  RecordedEvent& operator=(const RecordedEvent&) = delete;

  // Marks the end of what was queued so far on `stream`, which is being recorded.
  void mark(c10::Stream stream);

  // Makes `stream` wait until the replay queued last has come to the mark.
  void block(c10::Stream stream) const;

 private:
  struct Event;
  std::unique_ptr<Event> event_;
};

}  // namespace finepune
