// SPDX-License-Identifier: MIT
// A report as text for people. All of it is printable ASCII, whatever processes call themselves.
#ifndef SYSCOUNT_TEXT_HPP
#define SYSCOUNT_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "report.hpp"

namespace syscount {

/// `bytes` with a '?' for everything that a terminal could take for a command, or not show.
std::string printable(std::string_view bytes);

/// One line that says how far it is.
std::string progress(report const& now, std::uint32_t seconds);

/// What fits into a terminal of that size, while it runs. Lines end with '\n'.
std::string screen(report const& now, std::uint32_t seconds, std::size_t rows, std::size_t columns);

/// Everything, with so many rows in each table.
std::string full(report const& last, std::size_t top);

}  // namespace syscount

#endif
