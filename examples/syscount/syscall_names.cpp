// SPDX-License-Identifier: MIT
#include "syscall_names.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <sys/syscall.h>

namespace syscount {

namespace {

struct known_call {
  std::int32_t number;
  char const* name;
};

constexpr known_call known_calls[] = {
#include "syscall_names.inc"
};

}  // namespace

std::string syscall_name(std::int32_t number) {
  auto const* const found = std::ranges::find(known_calls, number, &known_call::number);
  return found == std::end(known_calls) ? fmt::format("#{}", number) : found->name;
}

}  // namespace syscount
