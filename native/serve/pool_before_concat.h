// A rewriting of a network that lets convolutions be pooled as they are computed.
#pragma once

#include "nn/graph.h"

namespace finepune::serve {

// The same network with every MaxPool that alone reads a Concat moved before it, one for each input: the maximum over a
// plane does not ask what other planes there are. `graph` must be valid.
Graph pool_before_concat(const Graph& graph);

}  // namespace finepune::serve
