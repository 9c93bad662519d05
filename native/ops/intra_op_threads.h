// How many threads the parallel loops of libtorch, and ours through at::parallel_for, use.
#pragma once

namespace finepune {

// Sets the number, 1 or more, for the loops that the calling thread begins, for good: whatever number other threads are
// given later.
void set_intra_op_threads(int threads);

}  // namespace finepune
