// A process that can begin only few more threads.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace finepune::test {

// While it lives, memory for few more stacks can be had: the system then begins no thread. A limit of the number of
// threads would do as well, but not for root.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limited = before_;
    limited.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{64} << 20);
    setrlimit(RLIMIT_AS, &limited);
  }
  ~NoMoreThreads() { setrlimit(RLIMIT_AS, &before_); }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;

 private:
  rlimit before_{};
};

}  // namespace finepune::test
