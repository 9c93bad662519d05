// Runs every registered test, or those whose name contains the first argument. Ends with 'N passed, N failed' and
// status 1 where one failed or none ran.
#include <exception>
#include <iostream>

#include "check.h"

int main(int count, char** arguments) {
  const std::string filter = count > 1 ? arguments[1] : "";
  int passed = 0, failed = 0;
  for (const auto& test : finepune::test::cases()) {
    if (test.name.find(filter) == std::string::npos) continue;
    try {
      test.body();
      ++passed;
      std::cout << "ok   " << test.name << "\n";
    } catch (const std::exception& error) {
      ++failed;
      std::cout << "FAIL " << test.name << "\n     " << error.what() << "\n";
    } catch (...) {
      ++failed;
      std::cout << "FAIL " << test.name << "\n     threw something that is no std::exception\n";
    }
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed > 0 || passed == 0 ? 1 : 0;
}
