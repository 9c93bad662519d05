// Runs every registered test, or those whose name contains the first argument, but for those that contain the second. Ends
// with 'N passed, N failed', before it how many were skipped, and why; status 1 where one failed or none was there to run.
#include <exception>
#include <iostream>
#include <map>

#include "check.h"

int main(int count, char** arguments) {
  const std::string filter = count > 1 ? arguments[1] : "";
  const std::string without = count > 2 ? arguments[2] : "";
  int passed = 0, failed = 0;
  std::map<std::string, int> skipped;
  for (const auto& test : finepune::test::cases()) {
    if (test.name.find(filter) == std::string::npos) continue;
    if (!without.empty() && test.name.find(without) != std::string::npos) continue;
    try {
      test.body();
      ++passed;
      std::cout << "ok   " << test.name << "\n";
    } catch (const finepune::test::Skipped& reason) {
      ++skipped[reason.what()];
      std::cout << "skip " << test.name << "\n";
    } catch (const std::exception& error) {
      ++failed;
      std::cout << "FAIL " << test.name << "\n     " << error.what() << "\n";
    } catch (...) {
      ++failed;
      std::cout << "FAIL " << test.name << "\n     threw something that is no std::exception\n";
    }
  }
  for (const auto& [reason, number] : skipped) std::cout << number << " skipped: " << reason << "\n";
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed > 0 || (passed == 0 && skipped.empty()) ? 1 : 0;
}
