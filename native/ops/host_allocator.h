// Host memory for large tensors, kept between uses.
#pragma once

namespace finepune {

// Makes libtorch take large host tensors (1 MB and more) from blocks that are kept when freed. A training step allocates
// and frees the same few hundred megabytes every time; given back to the system, each page would be faulted in and
// zeroed again (110,000 faults a step for SqueezeNet 1.1 at batch 32, 4,000 with this). What is held, in use or kept,
// never exceeds 1.125 times the most that was ever in use at once, or 192 MB more than that, but no more than twice as
// much. For the whole process, once; thread-safe. The
// environment variable FINEPUNE_NO_MEMORY_CACHING, set to anything, leaves libtorch's own allocator in place, for
// memory checkers.
void install_host_allocator();

// Gives every block kept but not in use back to the system, and starts the record of the most in use anew.
void release_kept_host_memory();

}  // namespace finepune
