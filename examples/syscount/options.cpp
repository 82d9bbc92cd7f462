// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <charconv>
#include <cstddef>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace syscount {

namespace {

// CLI11's own check says only "Could not convert" of text, of negative and of huge numbers.
void add_number(CLI::App& app, char const* name, std::uint32_t& to, std::uint32_t smallest, std::uint32_t largest,
                char const* help) {
  auto const check = [=](std::string const& text) -> std::string {
    std::uint32_t number = 0;
    char const* const end = text.data() + text.size();
    auto const [stop, failed] = std::from_chars(text.data(), end, number);
    if (failed == std::errc{} && stop == end && number >= smallest && number <= largest) return {};
    return fmt::format("'{}' is not a whole number from {} to {}", text, smallest, largest);
  };
  app.add_option(name, to, fmt::format("{} ({} to {}; if not given {})", help, smallest, largest, to))
      ->type_name("N")
      ->check(check);
}

// At commas. An empty name is kept, and will be found to be no program's.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> names;
  for (;;) {
    std::size_t const comma = list.find(',');
    names.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return names;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

std::variant<options, int> parse(int argc, char** argv) {
  options chosen;
  CLI::App app("Counts, times and samples the system calls of all processes, with BPF programs.\n");
  add_number(app, "--seconds", chosen.seconds, 1, 86400, "How long to watch; Ctrl-C ends it early");
  std::string programs;
  auto const* const given = app.add_option("--programs", programs,
                                           "Which BPF programs to load, separated by commas:\n"
                                           "count_calls   counts by process and system call\n"
                                           "stamp_calls   notes when each call begins\n"
                                           "time_calls    measures until its end (loads stamp_calls too)\n"
                                           "sample_calls  sends some calls as events\n"
                                           "If not given: all of them")
                                ->type_name("NAME,...");
  add_number(app, "--sample-every", chosen.sample_every, 1, 1000000000, "Sample one call of so many, by chance");
  add_number(app, "--entries", chosen.entries, 1, 1U << 20, "Room for pairs of process and system call");
  add_number(app, "--top", chosen.top, 1, 1U << 20, "Rows of each table at the end");
  app.add_flag("--json", chosen.json, "Print one JSON object, at the end, and nothing else");
  app.footer("\nExit status: 0 done; 1 wrong usage, or something failed; 2 privileges are missing.");

  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& end) {
    // CLI11 has a status for every kind of mistake; 0 is for --help.
    return app.exit(end) == 0 ? 0 : 1;
  }
  if (given->count() != 0) chosen.programs = split(programs);
  return chosen;
}

}  // namespace syscount
