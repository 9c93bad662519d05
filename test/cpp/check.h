// A small test harness: TEST(name) { CHECK(...); } registers itself; main.cc runs what was registered.
#pragma once

#include <c10/util/Logging.h>

#include <cmath>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace finepune::test {

struct Case {
  std::string name;
  std::function<void()> body;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Registration {
  Registration(std::string name, std::function<void()> body) { cases().push_back({std::move(name), std::move(body)}); }
};

// Thrown by a failed check; main.cc reports it and goes on with the next test.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thrown by a test that cannot run here; `what` says why.
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& message) {
  throw Failure(std::string(file) + ":" + std::to_string(line) + ": " + message);
}

template <typename Left, typename Right>
void check_equal(const Left& left, const Right& right, const char* text, const char* file, int line) {
  if (left == right) return;
  std::ostringstream message;
  message << text << ": " << left << " is not " << right;
  fail(file, line, message.str());
}

inline void check_near(double left, double right, double tolerance, const char* text, const char* file, int line) {
  // Written so that NaN fails.
  if (std::abs(left - right) <= tolerance) return;
  std::ostringstream message;
  message.precision(10);
  message << text << ": " << left << " is not within " << tolerance << " of " << right;
  fail(file, line, message.str());
}

// Runs `body`, which must throw an Exception whose message contains `fragment`.
template <typename Exception, typename Body>
void check_throws(Body body, const std::string& fragment, const char* text, const char* file, int line) {
  try {
    body();
  } catch (const Exception& error) {
    if (std::string(error.what()).find(fragment) != std::string::npos) return;
    fail(file, line, std::string(text) + ": the message is '" + error.what() + "', without '" + fragment + "'");
  }
  fail(file, line, std::string(text) + ": nothing was thrown");
}

}  // namespace finepune::test

#define FINEPUNE_JOIN_(left, right) left##right
#define FINEPUNE_JOIN(left, right) FINEPUNE_JOIN_(left, right)
#define FINEPUNE_TEST(name, place)                                                                                 \
  static void FINEPUNE_JOIN(test_body_, place)();                                                                  \
  static const ::finepune::test::Registration FINEPUNE_JOIN(test_case_, place)(name,                               \
                                                                               &FINEPUNE_JOIN(test_body_, place)); \
  static void FINEPUNE_JOIN(test_body_, place)()

// TEST("what it holds") { ... }
#define TEST(name) FINEPUNE_TEST(name, __COUNTER__)
// libtorch's logging has a macro of that name, which ends the process.
#undef CHECK
#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) ::finepune::test::fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define CHECK_EQUAL(left, right) ::finepune::test::check_equal((left), (right), #left, __FILE__, __LINE__)
#define CHECK_NEAR(left, right, tolerance) \
  ::finepune::test::check_near((left), (right), (tolerance), #left, __FILE__, __LINE__)
// CHECK_THROWS(std::invalid_argument, "part of the message", expression);
#define CHECK_THROWS(Exception, fragment, ...) \
  ::finepune::test::check_throws<Exception>([&] { __VA_ARGS__; }, (fragment), #__VA_ARGS__, __FILE__, __LINE__)
