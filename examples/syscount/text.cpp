// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <bpfmap/core/cpu.hpp>
#include <fmt/format.h>

#include "syscall_names.hpp"

namespace syscount {

namespace {

using std::chrono::nanoseconds;

template <class... A>
void append(std::string& to, fmt::format_string<A...> format, A&&... values) {
  fmt::format_to(std::back_inserter(to), format, std::forward<A>(values)...);
}

double seconds_of(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// Three digits and a unit: "1.02 us", "16.4 us", "131 us".
std::string short_time(std::uint64_t ns) {
  static constexpr char const* units[] = {"ns", "us", "ms", "s"};
  auto value = static_cast<double>(ns);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
  int const digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return fmt::format("{:.{}f} {}", value, digits, units[unit]);
}
std::string short_time(nanoseconds time) {
  return short_time(static_cast<std::uint64_t>(std::max(time.count(), nanoseconds::rep{0})));
}

// Instead of fmt::join, of which GCC 12 warns for no reason.
template <class T>
std::string joined(std::vector<T> const& items, char const* between) {
  std::string result;
  for (T const& each : items) append(result, "{}{}", result.empty() ? "" : between, each);
  return result;
}

// "0-2,5"
std::string id_list(std::vector<std::uint32_t> const& ids) {
  std::error_code ec;
  return bpfmap::cpu_set::parse(joined(ids, ","), ec).to_string();
}

// What a program that is not loaded would have counted.
template <class T>
std::string if_known(bool known, T const& value) {
  return known ? fmt::format("{}", value) : "-";
}

struct cells {
  std::string calls, failed, time, mean;
};

cells cells_of(report const& from, row const& each) {
  return {
      .calls = if_known(from.counts, each.calls),
      .failed = if_known(from.times, each.failed),
      .time = if_known(from.times, short_time(each.ns)),
      .mean = if_known(from.times && each.finished != 0, short_time(each.finished == 0 ? 0 : each.ns / each.finished))};
}

std::span<row const> first_of(std::vector<row> const& rows, std::size_t most) {
  return {rows.data(), std::min(rows.size(), most)};
}

void print_title(std::string& to, char const* title, std::size_t rows, std::size_t shown) {
  append(to, "\n{}", title);
  if (shown < rows) append(to, ", {} of {}", shown, rows);
  append(to, "\n");
}

void print_tables(std::string& to, report const& from, std::size_t top) {
  static constexpr char numbers[] = " {:>10} {:>7} {:>9} {:>9}\n";
  auto const print_numbers = [&](cells const& of) { append(to, numbers, of.calls, of.failed, of.time, of.mean); };
  cells const titles{"calls", "failed", "time", "mean"};

  auto rows = first_of(from.processes, top);
  print_title(to, "Busiest processes", from.processes.size(), rows.size());
  append(to, "{:>7} {:<15} {:16}", "pid", "process", "");
  print_numbers(titles);
  for (row const& each : rows) {
    append(to, "{:>7} {:<15} {:16}", each.pid, printable(each.name), "");
    print_numbers(cells_of(from, each));
  }

  rows = first_of(from.system_calls, top);
  print_title(to, "Busiest system calls", from.system_calls.size(), rows.size());
  append(to, "{:23} {:<16}", "", "system call");
  print_numbers(titles);
  for (row const& each : rows) {
    append(to, "{:23} {:<16}", "", syscall_name(each.call));
    print_numbers(cells_of(from, each));
  }

  rows = first_of(from.pairs, top);
  print_title(to, "Which process makes which call", from.pairs.size(), rows.size());
  append(to, "{:>7} {:<15} {:<16}", "pid", "process", "system call");
  print_numbers(titles);
  for (row const& each : rows) {
    append(to, "{:>7} {:<15} {:<16}", each.pid, printable(each.name), syscall_name(each.call));
    print_numbers(cells_of(from, each));
  }
}

// The two tables side by side, for the screen.
void print_short_tables(std::string& to, report const& from, std::size_t most) {
  append(to, "\n{:>7} {:<15} {:>11}   {:<18} {:>11} {:>9}\n", "pid", "process", "calls", "system call", "calls",
         "mean");
  auto const left = first_of(from.processes, most);
  auto const right = first_of(from.system_calls, most);
  for (std::size_t i = 0; i < most; ++i) {
    std::string line;
    if (i < left.size()) {
      append(line, "{:>7} {:<15} {:>11}", left[i].pid, printable(left[i].name), cells_of(from, left[i]).calls);
    }
    append(to, "{:<35}", line);
    if (i < right.size()) {
      cells const of = cells_of(from, right[i]);
      append(to, "   {:<18} {:>11} {:>9}", syscall_name(right[i].call), of.calls, of.mean);
    }
    append(to, "\n");
  }
}

// Bars from the first to the last bucket that has counted something. Where there is no room for each
// bucket, several make one bar.
void print_histogram(std::string& to, report const& from, std::size_t most) {
  auto const& buckets = from.latency.buckets();
  auto const counted = [](bpfmap::histogram::bucket const& each) { return each.count != 0; };
  auto const first = static_cast<std::size_t>(std::ranges::find_if(buckets, counted) - buckets.begin());
  append(to, "\nTime in system calls\n");
  if (first == buckets.size()) {
    append(to, "  no call was seen from beginning to end\n");
    return;
  }
  std::size_t end = buckets.size();
  while (buckets[end - 1].count == 0) --end;
  std::size_t const step = (end - first + most - 1) / most;

  std::vector<std::uint64_t> bars;
  for (std::size_t i = first; i < end; i += step) {
    std::uint64_t sum = 0;
    for (std::size_t j = i; j < std::min(i + step, end); ++j) sum += buckets[j].count;
    bars.push_back(sum);
  }
  std::uint64_t const highest = std::ranges::max(bars);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    // Rounded up: what is not zero can be seen.
    auto const length =
        static_cast<std::size_t>(std::ceil(40.0 * static_cast<double>(bars[i]) / static_cast<double>(highest)));
    append(to, "  from {:>8} {:>10} |{}\n", short_time(buckets[first + i * step].low), bars[i],
           std::string(length, '#'));
  }
}

void print_sizes(std::string& to, report const& from, bool with_costs) {
  append(to, "\nsize() of the maps, and a walk over them\n");
  for (map_size const& each : from.sizes) {
    append(to, "  {:<7} {:>6} of {}: {} in {}; walk: {} in {}\n", each.map, each.size, each.room,
           each.method.empty() ? "not asked yet" : each.method, short_time(each.time), each.walked,
           short_time(each.walk_time));
    if (!with_costs) continue;
    for (counting_cost const& cost : each.costs) {
      append(to, "          {} times by {}: the first in {}, the fastest in {}\n", cost.times, cost.method,
             short_time(cost.first), short_time(cost.fastest));
    }
  }
}

void print_samples(std::string& to, report const& from, std::size_t most) {
  sampling const& all = from.sampled;
  append(to, "\nSamples: one call of {}, by a perf_event_array\n", all.every);
  append(to, "  policy {}: {} entries, buffers opened on CPUs {}\n", all.policy, all.entries, id_list(all.cpus));
  append(to, "  {} taken, {} received, {} lost, {} malformed\n", all.taken, all.received, all.lost, all.malformed);
  for (std::size_t i = all.last.size() - std::min(all.last.size(), most); i < all.last.size(); ++i) {
    sample const& each = all.last[i];
    append(to, "  {:>9.6f} s  cpu {:<3} {:>7} {:<15} {}\n", seconds_of(each.after), each.cpu, each.pid,
           printable(each.name), syscall_name(each.call));
  }
}

void print_losses(std::string& to, report const& from) {
  if (from.not_counted != 0) {
    append(to, "\n{} times a call was not counted: the map 'calls' was full (see --entries)\n", from.not_counted);
  }
  if (from.not_noted != 0) append(to, "\n{} calls were not timed: the map 'starts' had no room\n", from.not_noted);
}

std::size_t lines_of(std::string const& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

// No longer and no wider than the terminal: a wrapped line would be counted as one.
std::string cut(std::string_view text, std::size_t rows, std::size_t columns) {
  std::string result;
  for (; rows != 0 && !text.empty(); --rows) {
    std::string_view const line = text.substr(0, text.find('\n'));
    result.append(line.substr(0, columns)).append("\n");
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return result;
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string result(bytes);
  for (char& each : result) {
    if (each < ' ' || each > '~') each = '?';
  }
  return result;
}

std::string progress(report const& now, std::uint32_t seconds) {
  std::string line = fmt::format("{:.1f} of {} s", seconds_of(now.time), seconds);
  if (now.counts) append(line, ": {} calls by {} processes", now.total, now.processes.size());
  if (now.not_counted != 0) append(line, "; {} not counted", now.not_counted);
  if (now.samples) append(line, "; {} samples, {} lost", now.sampled.received, now.sampled.lost);
  return line + "\n";
}

std::string screen(report const& now, std::uint32_t seconds, std::size_t rows, std::size_t columns) {
  constexpr std::size_t width = 10;
  bool const small = rows < 32;
  auto const done = static_cast<std::size_t>(seconds_of(now.time) / seconds * width);
  std::string text = fmt::format("[{:-<{}}] ", std::string(std::min(done, width), '#'), width);
  text += progress(now, seconds);
  if (now.counts || now.times) print_short_tables(text, now, small ? 4 : 8);
  if (!now.sizes.empty()) print_sizes(text, now, false);
  if (now.samples) print_samples(text, now, small ? 1 : 4);
  if (now.times) {
    // With the histogram's title, and the line of the cursor.
    std::size_t const used = lines_of(text) + 3;
    print_histogram(text, now, rows > used ? rows - used : 1);
  }
  return cut(text, rows - 1, columns);
}

std::string full(report const& last, std::size_t top) {
  std::string text = fmt::format("{:.2f} s{}, programs {}\n", seconds_of(last.time),
                                 last.interrupted ? " (interrupted)" : "", joined(last.programs, ", "));
  if (last.counts) {
    append(text, "{} calls by {} processes on all CPUs, {} a second\n", last.total, last.processes.size(),
           static_cast<std::uint64_t>(static_cast<double>(last.total) / std::max(seconds_of(last.time), 0.001)));
  }
  if (last.times) print_histogram(text, last, last.latency.buckets().size());
  if (!last.sizes.empty()) print_sizes(text, last, true);
  if (last.samples) print_samples(text, last, 5);
  if (last.counts || last.times) print_tables(text, last, top);
  print_losses(text, last);
  return text;
}

}  // namespace syscount
