// SPDX-License-Identifier: MIT
#ifndef SYSCOUNT_OPTIONS_HPP
#define SYSCOUNT_OPTIONS_HPP

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace syscount {

struct options {
  std::uint32_t seconds = 5;
  std::vector<std::string> programs = {};  // empty: all
  std::uint32_t sample_every = 1000;
  std::uint32_t entries = 16384;
  std::uint32_t top = 10;
  bool json = false;
};

/// What the command line says. Where it asks for help or is wrong, that is printed, and the result
/// is the exit status.
std::variant<options, int> parse(int argc, char** argv);

}  // namespace syscount

#endif
