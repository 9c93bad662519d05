// Fresh values for parameters that no checkpoint gave.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network.h"

namespace finepune {

// Writes fresh values into one parameter, in place and without autograd: weights normal with variance 2 / fan_in
// (He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015, eq. 10), or standard deviation 0.01 where `head`;
// biases, shifts and running means 0; scales and running variances 1.
// The values are a function of `seed` and of the parameter's name and shape: the same on every device, for every
// thread count, and whatever else is initialised.
void initialize_parameter(Parameter& parameter, bool head, uint64_t seed);

// initialize_parameter for each of `names`; those of the graph's head node count as head.
// Throws std::invalid_argument on a name the network does not have, before anything is written.
void initialize_parameters(Network& network, const std::vector<std::string>& names, uint64_t seed);

}  // namespace finepune
