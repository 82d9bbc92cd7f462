// SPDX-License-Identifier: MIT
#ifndef SYSCOUNT_JSON_HPP
#define SYSCOUNT_JSON_HPP

#include <cstddef>
#include <string>

#include "report.hpp"

namespace syscount {

/// The report as one JSON object on one line, all ASCII, with so many rows in each table.
std::string to_json(report const& last, std::size_t top);

}  // namespace syscount

#endif
