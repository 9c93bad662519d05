#include "threads/give_way.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace finepune {

namespace {

// A third of the time that a thread of no nicety gets beside it.
constexpr int kNicety = 5;

}  // namespace

void give_way() {
  // On Linux a priority is a thread's; to lower it is always allowed, and goes no further than it can.
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + kNicety);
}

}  // namespace finepune
