// Where a thread that helps another runs.
#pragma once

namespace finepune {

// Number of the core that the calling thread is on, or -1 where the system does not tell.
int current_core();

// Moves the calling thread where it is on `core`, that of the thread it helps: a thread just begun or woken is often
// put beside the one that did it, and both would take turns until the system looks again, milliseconds later. Nothing
// happens where no other core is allowed.
void leave_core(int core);

}  // namespace finepune
