// SPDX-License-Identifier: MIT
#ifndef SYSCOUNT_PRIVILEGES_HPP
#define SYSCOUNT_PRIVILEGES_HPP

#include <string>
#include <string_view>
#include <system_error>

namespace syscount {

/// Whether `failure` comes of privileges that this process does not have.
bool is_for_want_of_privileges(std::error_code const& failure);

/// What is missing, and how to get it: several lines. `program` is how the tool was called.
std::string how_to_get_privileges(std::string_view program);

}  // namespace syscount

#endif
