// SPDX-License-Identifier: MIT
#ifndef SYSCOUNT_SYSCALL_NAMES_HPP
#define SYSCOUNT_SYSCALL_NAMES_HPP

#include <cstdint>
#include <string>

namespace syscount {

/// "openat"; "#451" for a number that the system's header did not know when this was built.
std::string syscall_name(std::int32_t number);

}  // namespace syscount

#endif
