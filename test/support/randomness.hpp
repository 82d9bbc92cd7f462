// SPDX-License-Identifier: MIT
#ifndef BPFMAP_TEST_SUPPORT_RANDOMNESS_HPP
#define BPFMAP_TEST_SUPPORT_RANDOMNESS_HPP

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstdlib>
#include <random>

namespace test {

/// Another one in each run, and told: BPFMAP_SEED=N runs it again.
class randomness {
 public:
  randomness() {
    char const* const given = std::getenv("BPFMAP_SEED");
    seed_ = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
    engine_.seed(seed_);
    BOOST_TEST_MESSAGE("BPFMAP_SEED=" << seed_);
  }

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
  [[nodiscard]] std::uint32_t seed() const { return seed_; }

 private:
  std::uint32_t seed_;
  std::mt19937 engine_;
};

}  // namespace test

#endif
