// The parameters whose gradients backward finishes first, and when it has: their step need not wait for the others.
#pragma once

#include <cstddef>
#include <vector>

#include <c10/core/Stream.h>

#include "nn/network.h"
#include "ops/recorded_event.h"

namespace finepune {

// While it listens, backward on one device notes in which order parameters get their gradients, until those that have
// them make up most of all entries: of AlexNet's that are the linear layers, long before the convolutions are through.
class EarlyGradients {
 public:
  // Listens to the backward recorded on `stream`. The network must outlive it.
  EarlyGradients(Network& network, c10::Stream stream);
  // Stops listening; without having listened to the end of a backward it knows nothing.
  void stop();
  ~EarlyGradients();
  EarlyGradients(const EarlyGradients&) = delete;
  EarlyGradients& operator=(const EarlyGradients&) = delete;

  // Numbers in Network::parameters(), ascending; empty where the last gradient alone made up most.
  const std::vector<size_t>& parameters() const { return parameters_; }
  // Marked in the recorded backward where they had their gradients.
  const RecordedEvent& ready() const { return ready_; }

 private:
  void finished(size_t number);

  Network& network_;
  c10::Stream stream_;
  RecordedEvent ready_;
  std::vector<size_t> parameters_;
  int64_t entries_ = 0;
  int64_t all_entries_ = 0;
  size_t left_ = 0;
  bool marked_ = false;
};

}  // namespace finepune
