// What doctor says of how layers are computed.
#include "nn/chosen_products.h"

#include <set>

#include "check.h"
#include "ops/cpu/direct_choice.h"

namespace finepune::test {

TEST("the products of every layer are named dense and at lower densities, and zeros are skipped where few weights are left") {
  const std::vector<ChosenProducts> all = chosen_products();
  std::set<std::pair<std::string, double>> places;
  for (const ChosenProducts& chosen : all) {
    places.emplace(chosen.layer, chosen.density);
    CHECK(!chosen.products.empty() && !chosen.weight_gradient.empty());
    CHECK(chosen.density < 1 || chosen.products != "sparse");
  }
  CHECK(places.size() == all.size());
  CHECK(all.back().layer == "linear 9216 to 4096" && all.back().density == 0.05);
  // Sparse products have vectors of eight floats or more.
  const bool wide = cpu::best_direct_kernels().lanes >= 8;
  CHECK((all.back().products == "sparse") == wide);
}

}  // namespace finepune::test
