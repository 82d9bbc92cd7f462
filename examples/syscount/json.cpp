// SPDX-License-Identifier: MIT
#include "json.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "syscall_names.hpp"

namespace syscount {

namespace {

// Takes one character of UTF-8 from the front; U+FFFD for a byte that begins none.
std::uint32_t take_character(std::string_view& bytes) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::size_t const length = byte(0) < 0x80             ? 1
                             : (byte(0) & 0xE0) == 0xC0 ? 2
                             : (byte(0) & 0xF0) == 0xE0 ? 3
                             : (byte(0) & 0xF8) == 0xF0 ? 4
                                                        : 0;
  static constexpr std::uint32_t first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  static constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool valid = length != 0 && length <= bytes.size();
  std::uint32_t character = 0;
  if (valid) {
    character = byte(0) & first_bits[length];
    for (std::size_t i = 1; i < length; ++i) {
      valid = valid && (byte(i) & 0xC0) == 0x80;
      character = character << 6 | (byte(i) & 0x3FU);
    }
    // Not longer than need be, no half of a pair of UTF-16, not beyond Unicode.
    bool const surrogate = character >= 0xD800 && character < 0xE000;
    valid = valid && character >= smallest[length] && !surrogate && character < 0x110000;
  }
  bytes.remove_prefix(valid ? length : 1);
  return valid ? character : 0xFFFD;
}

// A string in quotes. What is not printable ASCII is escaped, so that neither a parser nor a
// terminal can be made to do something by the name of a process.
std::string json_string(std::string_view bytes) {
  std::string result = "\"";
  while (!bytes.empty()) {
    std::uint32_t const character = take_character(bytes);
    if (character == '"' || character == '\\') {
      result += '\\';
      result += static_cast<char>(character);
    } else if (character >= ' ' && character <= '~') {
      result += static_cast<char>(character);
    } else if (character < 0x10000) {
      result += fmt::format("\\u{:04x}", character);
    } else {
      std::uint32_t const rest = character - 0x10000;
      result += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
  }
  return result + '"';
}

template <class Range, class F>
std::string list(Range const& range, F const& text_of, std::size_t most = SIZE_MAX) {
  std::string result = "[";
  for (auto const& each : range) {
    if (most-- == 0) break;
    if (result.size() > 1) result += ", ";
    result += text_of(each);
  }
  return result + "]";
}

// What was not counted is null, not 0.
std::string if_known(bool known, std::uint64_t value) { return known ? std::to_string(value) : "null"; }

std::string numbers_of(report const& from, row const& each) {
  return fmt::format(R"("calls": {}, "finished": {}, "failed": {}, "ns": {})", if_known(from.counts, each.calls),
                     if_known(from.times, each.finished), if_known(from.times, each.failed),
                     if_known(from.times, each.ns));
}

std::string process_of(row const& each) {
  return fmt::format(R"("pid": {}, "process": {})", each.pid, json_string(each.name));
}
std::string call_of(std::int32_t number) {
  return fmt::format(R"("number": {}, "system_call": {})", number, json_string(syscall_name(number)));
}

std::string tables(report const& from, std::size_t top) {
  auto const process = [&](row const& each) {
    return fmt::format("{{{}, {}}}", process_of(each), numbers_of(from, each));
  };
  auto const call = [&](row const& each) {
    return fmt::format("{{{}, {}}}", call_of(each.call), numbers_of(from, each));
  };
  auto const pair = [&](row const& each) {
    return fmt::format("{{{}, {}, {}}}", process_of(each), call_of(each.call), numbers_of(from, each));
  };
  return fmt::format(R"("processes": {}, "system_calls": {}, "pairs": {})", list(from.processes, process, top),
                     list(from.system_calls, call, top), list(from.pairs, pair, top));
}

std::string histogram(report const& from) {
  return list(from.latency.buckets(), [](bpfmap::histogram::bucket const& each) {
    return fmt::format(R"({{"from_ns": {}, "calls": {}}})", each.low, each.count);
  });
}

std::string size_of(map_size const& each) {
  auto const cost = [](counting_cost const& of) {
    return fmt::format(R"({{"method": {}, "times": {}, "first_ns": {}, "fastest_ns": {}}})", json_string(of.method),
                       of.times, of.first.count(), of.fastest.count());
  };
  return fmt::format(R"({{"map": {}, "room": {}, "size": {}, "method": {}, "ns": {}, "walked": {}, )"
                     R"("walk_ns": {}, "asked": {}}})",
                     json_string(each.map), each.room, each.size, json_string(each.method), each.time.count(),
                     each.walked, each.walk_time.count(), list(each.costs, cost));
}

std::string samples(report const& from) {
  if (!from.samples) return "null";
  sampling const& all = from.sampled;
  auto const number = [](std::uint32_t each) { return std::to_string(each); };
  auto const last = [](sample const& each) {
    return fmt::format(R"({{"after_ns": {}, "cpu": {}, "pid": {}, "tid": {}, "process": {}, {}}})", each.after.count(),
                       each.cpu, each.pid, each.tid, json_string(each.name), call_of(each.call));
  };
  return fmt::format(R"({{"every": {}, "policy": {}, "entries": {}, "cpus": {}, "taken": {}, "received": {}, )"
                     R"("lost": {}, "malformed": {}, "last": {}}})",
                     all.every, json_string(all.policy), all.entries, list(all.cpus, number), all.taken, all.received,
                     all.lost, all.malformed, list(all.last, last));
}

}  // namespace

std::string to_json(report const& last, std::size_t top) {
  auto const name = [](std::string const& each) { return json_string(each); };
  return fmt::format(R"({{"time_ns": {}, "interrupted": {}, "programs": {}, "calls": {}, "not_counted": {}, )"
                     R"("not_noted": {}, "latency": {}, "sizes": {}, "samples": {}, {}}})"
                     "\n",
                     last.time.count(), last.interrupted, list(last.programs, name), if_known(last.counts, last.total),
                     last.not_counted, last.not_noted, histogram(last), list(last.sizes, size_of), samples(last),
                     tables(last, top));
}

}  // namespace syscount
