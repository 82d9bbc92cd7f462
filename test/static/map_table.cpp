// SPDX-License-Identifier: MIT
// Prints the table of traits as the README shows it.
#include <iostream>
#include <iterator>
#include <string>

#include <bpfmap/core/map_traits.hpp>

namespace {

using bpfmap::command_support;

struct column {
  char const* title;
  bpfmap::command which;
};
constexpr column columns[] = {
    {"lookup", &command_support::lookup},
    {"update", &command_support::update},
    {"delete", &command_support::erase},
    {"next key", &command_support::next_key},
    {"lookup and delete", &command_support::lookup_and_delete},
    {"lookup batch", &command_support::lookup_batch},
    {"update batch", &command_support::update_batch},
    {"delete batch", &command_support::delete_batch},
    {"lookup and delete batch", &command_support::lookup_and_delete_batch},
    {"mmap", &command_support::mmap},
    {"freeze", &command_support::freeze},
};
static_assert(std::size(columns) == sizeof(command_support) / sizeof(bpfmap::support), "a command without a column");

std::string text(bpfmap::kernel_version version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

std::string cell(bpfmap::map_traits const& row, bpfmap::command which) {
  auto const first = bpfmap::first_kernel(row.type, which);
  if (!first) return "–";
  return *first == row.since ? "✓" : text(*first);
}

}  // namespace

int main() {
  std::cout << "| type | first kernel |";
  for (column const& each : columns) std::cout << " " << each.title << " |";
  std::cout << "\n| --- | --- |";
  for (std::size_t i = 0; i < std::size(columns); ++i) std::cout << " --- |";
  std::cout << "\n";
  for (bpfmap::map_traits const& row : bpfmap::all_traits()) {
    std::cout << "| " << row.name << " | " << text(row.since) << " |";
    for (column const& each : columns) std::cout << " " << cell(row, each.which) << " |";
    std::cout << "\n";
  }
}
