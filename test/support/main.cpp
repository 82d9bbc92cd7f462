// SPDX-License-Identifier: MIT
// main() of every Boost.Test executable: runs the tests and says in its last line how many test cases passed,
// failed and were skipped, and before that why some were skipped.

#define BOOST_TEST_NO_MAIN
#include <boost/test/results_collector.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/tree/test_case_counter.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <string>

namespace {

namespace ut = boost::unit_test;

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
    ut::test_case_counter cases;
    ut::traverse_test_tree(unit, cases, true);
    std::size_t const count = unit.p_type == ut::TUT_CASE ? 1 : cases.p_count.get();
    skipped_ += count;
    std::printf("skipped: %s: %.*s\n", unit.full_name().c_str(), static_cast<int>(reason.size()), reason.begin());
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
