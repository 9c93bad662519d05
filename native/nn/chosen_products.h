// How training computes layers on this CPU, for people who want to know.
#pragma once

#include <string>
#include <vector>

namespace finepune {

struct ChosenProducts {
  // In words: its channels, its taps, and the size of its output.
  std::string layer;
  // Share of the weights kept.
  double density;
  // Of the products with the weights, forward and by the input, and of the gradient by the weights: "sparse",
  // "planes", "minimal filtering", "factors", or the library's name.
  std::string products, weight_gradient;
};

// What is chosen for layers as most networks have them, 32 images a step in float32, dense, with three tenths and with a
// twentieth of their weights. The choice is a function of shapes, density and instruction set, from costs measured once
// (test/bench/NOTES.md) and not anew at each start: a run can be repeated to the last bit.
std::vector<ChosenProducts> chosen_products();

}  // namespace finepune
