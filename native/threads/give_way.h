// Who gets a core first where there are more threads than cores.
#pragma once

namespace finepune {

// This thread, and those it starts from now on, let the process's other threads have a core before them: an event loop
// that has something to do every millisecond would otherwise wait for the end of their turns. Nothing changes where there
// are cores enough.
void give_way();

}  // namespace finepune
