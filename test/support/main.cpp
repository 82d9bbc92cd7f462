// SPDX-License-Identifier: MIT
// main() of every Boost.Test executable: runs the tests and says in its last line how many test cases passed,
// failed and were skipped, and before that why some were skipped.

#define BOOST_TEST_NO_MAIN
#include <boost/test/results_collector.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <utility>

namespace {

namespace ut = boost::unit_test;

/// Visits the cases of a suite, or a case alone.
class each_case : public ut::test_tree_visitor {
 public:
  explicit each_case(std::function<void(ut::test_case const&)> f) : do_(std::move(f)) {}
  void visit(ut::test_case const& unit) override { do_(unit); }

 private:
  std::function<void(ut::test_case const&)> do_;
};

class case_counter : public ut::test_observer {
 public:
  // After Boost's own observers, the first of which must be told of the start before any other: run() asks it
  // for a member that it initialises only then.
  int priority() override { return 100; }

  void test_unit_finish(ut::test_unit const& unit, unsigned long) override {
    if (unit.p_type != ut::TUT_CASE) return;
    auto const& results = ut::results_collector.results(unit.p_id);
    if (results.passed())
      ++passed_;
    else if (!results.p_skipped)
      ++failed_;
  }
  void test_unit_skipped(ut::test_unit const& unit, ut::const_string reason) override {
    each_case say([&](ut::test_case const& skipped) {
      if (!skipped.is_enabled()) return;  // left out by the command line
      ++skipped_;
      std::printf("skipped: %s: %.*s\n", skipped.full_name().c_str(), static_cast<int>(reason.size()), reason.begin());
    });
    ut::traverse_test_tree(unit, say, true);
  }

  void report() const { std::printf("%lu passed, %lu failed, %lu skipped\n", passed_, failed_, skipped_); }

 private:
  unsigned long passed_ = 0;
  unsigned long failed_ = 0;
  unsigned long skipped_ = 0;
};

case_counter& counter() {
  static case_counter instance;
  return instance;
}

bool initialise() {
  ut::framework::register_observer(counter());
  return true;
}

}  // namespace

int main(int argc, char* argv[]) {
  int const status = ut::unit_test_main(&initialise, argc, argv);
  counter().report();
  // Before a leak check at exit can end the process with the line still in the buffer.
  std::fflush(stdout);
  return status;
}
