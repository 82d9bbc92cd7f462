// SPDX-License-Identifier: MIT
#include "tracer.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

// What bpftool writes converts signed to unsigned numbers.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "syscount.skel.h"
#pragma GCC diagnostic pop

namespace syscount {

namespace {

// What the BPF programs write is read as it is: their compiler has the same numbers in syscount.bpf.c.
static_assert(sizeof(syscount_key) == 8 && offsetof(syscount_key, call) == 4);
static_assert(sizeof(syscount_stats) == 56 && offsetof(syscount_stats, ns) == 24 &&
              offsetof(syscount_stats, name) == 40);
static_assert(sizeof(syscount_start) == 24 && offsetof(syscount_start, pid) == 16);
static_assert(sizeof(syscount_sample) == 40 && offsetof(syscount_sample, name) == 20);

using std::chrono::nanoseconds;

constexpr std::size_t kept_samples = 5;

std::span<std::byte const> object_bytes() {
  std::size_t size = 0;
  void const* const bytes = syscount_bpf::elf_bytes(&size);
  return {static_cast<std::byte const*>(bytes), size};
}

std::string name_of(char const (&name)[SYSCOUNT_NAME_SIZE]) { return {name, strnlen(name, sizeof name)}; }

// Programs add to it meanwhile.
std::uint64_t load(std::uint64_t& variable) { return std::atomic_ref(variable).load(std::memory_order_relaxed); }

// The programs that are chosen, with those that they need.
std::vector<std::string_view> with_needs(std::vector<std::string> const& chosen) {
  std::vector<std::string_view> names(chosen.begin(), chosen.end());
  if (std::ranges::count(names, "time_calls") != 0) names.emplace_back("stamp_calls");
  return names;
}

template <class F>
nanoseconds time_of(F&& work) {
  auto const before = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - before;
}

// Asks the map for its size, walks over it too, and notes what either costs.
template <class Map>
void measure(Map const& map, map_size& to) {
  auto const walk = [&] { to.walked = map.for_each([](auto const&, auto const&) {}); };
  walk();  // whoever comes first finds the map in no cache: neither of the two shall
  to.time = time_of([&] { to.size = map.size(); });
  to.method = bpfmap::to_string(map.counted_by());
  to.walk_time = time_of(walk);

  auto cost = std::ranges::find(to.costs, to.method, &counting_cost::method);
  if (cost == to.costs.end()) {
    cost = to.costs.insert(cost, {.method = to.method, .first = to.time, .fastest = to.time});
  }
  ++cost->times;
  cost->fastest = std::min(cost->fastest, to.time);
}

void add(row& to, row const& from) {
  to.calls += from.calls;
  to.finished += from.finished;
  to.failed += from.failed;
  to.ns += from.ns;
  // A process has had several names if it has called execve: the last one counts.
  if (from.last_ns >= to.last_ns) {
    to.last_ns = from.last_ns;
    to.name = from.name;
  }
}

void busiest_first(std::vector<row>& rows) {
  std::ranges::sort(rows, [](row const& a, row const& b) {
    if (a.calls != b.calls) return a.calls > b.calls;
    if (a.ns != b.ns) return a.ns > b.ns;
    return std::pair(a.pid, a.call) < std::pair(b.pid, b.call);
  });
}

template <class Key>
std::vector<row> sorted(std::map<Key, row>&& rows) {
  std::vector<row> list;
  list.reserve(rows.size());
  for (auto& [key, each] : rows) list.push_back(std::move(each));
  busiest_first(list);
  return list;
}

}  // namespace

syscount_stats add_stats::operator()(syscount_stats const& a, syscount_stats const& b) const noexcept {
  syscount_stats sum = a.last_ns < b.last_ns ? b : a;
  sum.calls = a.calls + b.calls;
  sum.finished = a.finished + b.finished;
  sum.failed = a.failed + b.failed;
  sum.ns = a.ns + b.ns;
  return sum;
}

tracer::tracer(options const& wanted) {
  bpfmap::capture_libbpf_log const log;  // libbpf's complaints become part of the errors
  object_ = bpfmap::object::open(object_bytes(), {.name = "syscount"});
  choose_programs(wanted);
  object_.map("calls").set_max_entries(wanted.entries);
  object_.global<std::uint32_t>("sample_every") = wanted.sample_every;
  object_.load();
  open_maps(wanted);
  began_ = clock::now();
  // Everything that programs write to is open, so nothing is lost from the first call on.
  for (bpfmap::program const each : object_.programs()) {
    if (each.autoload()) links_.push_back(each.attach());
  }
}

void tracer::choose_programs(options const& wanted) {
  std::string there;
  for (bpfmap::program const each : object_.programs()) {
    there.append(there.empty() ? "" : ", ").append(each.name());
  }
  for (std::string const& name : wanted.programs) {
    std::error_code ec;
    static_cast<void>(object_.program(name, ec));
    if (ec) throw std::invalid_argument(fmt::format("--programs: there is no program '{}'; there are {}", name, there));
  }
  if (!wanted.programs.empty()) object_.autoload_only(with_needs(wanted.programs));

  for (bpfmap::program const each : object_.programs()) {
    if (each.autoload()) known_.programs.emplace_back(each.name());
  }
  auto const chosen = [&](char const* name) { return object_.program(name).autoload(); };
  known_.counts = chosen("count_calls");
  known_.times = chosen("time_calls");
  known_.stamps = chosen("stamp_calls");
  known_.samples = chosen("sample_calls");
}

void tracer::open_maps(options const& wanted) {
  not_counted_ = &object_.global<std::uint64_t>("not_counted");
  not_noted_ = &object_.global<std::uint64_t>("not_noted");
  sampled_ = &object_.global<std::uint64_t>("sampled");
  pairs_ = object_.map<pair_map>("calls");
  starts_ = object_.map<start_map>("starts");
  latency_ = object_.map<latency_map>("latency");
  if (known_.counts || known_.times) known_.sizes.push_back({.map = "calls", .room = pairs_.max_size()});
  if (known_.stamps) known_.sizes.push_back({.map = "starts", .room = starts_.max_size()});
  if (!known_.samples) return;

  samples_ = object_.map<sample_map>("samples");
  // Being woken for each sample would cost more than all the rest.
  reader_ = bpfmap::perf_reader<syscount_sample>::open(samples_, {.bytes_per_cpu = 65536, .wakeup_events = 64});
  known_.sampled = {.every = wanted.sample_every, .policy = sizing_name, .entries = samples_.max_size()};
  for (std::size_t i = 0; i < reader_.cpu_count(); ++i) known_.sampled.cpus.push_back(reader_.cpu_at(i).id);
}

void tracer::take(syscount_sample const& event, bpfmap::cpu where) {
  ++known_.sampled.received;
  auto& last = known_.sampled.last;
  if (last.size() == kept_samples) last.pop_front();
  last.push_back({.after = nanoseconds(event.ns) - began_.time_since_epoch(),
                  .cpu = where.id,
                  .pid = event.pid,
                  .tid = event.tid,
                  .call = event.call,
                  .name = name_of(event.name)});
}

void tracer::check_samples(std::error_code ec) {
  // Samples that are too short have been counted: the report tells of them.
  if (ec && ec != std::errc::bad_message) throw std::system_error(ec, "reading samples");
}

void tracer::watch(std::chrono::milliseconds time) {
  if (known_.samples) {
    std::error_code ec;
    reader_.poll(
        time, [this](syscount_sample const& event, bpfmap::cpu where) { take(event, where); }, ec);
    check_samples(ec);
  } else {
    std::this_thread::sleep_for(time);
  }
  if (clock::now() < next_question_) return;
  next_question_ = clock::now() + std::chrono::milliseconds(100);
  ask_sizes();
}

void tracer::ask_sizes() {
  for (map_size& each : known_.sizes) {
    if (each.map == "calls")
      measure(pairs_, each);
    else
      measure(starts_, each);
  }
}

void tracer::stop() {
  links_.clear();
  ended_ = clock::now();
  ask_sizes();
  if (!known_.samples) return;
  std::error_code ec;
  reader_.consume([this](syscount_sample const& event, bpfmap::cpu where) { take(event, where); }, ec);
  check_samples(ec);
}

std::chrono::milliseconds tracer::time_left(std::chrono::seconds time) const {
  return std::chrono::ceil<std::chrono::milliseconds>(began_ + time - clock::now());
}

report tracer::look() {
  report now = known_;
  now.time = (links_.empty() ? ended_ : clock::now()) - began_;
  now.not_counted = load(*not_counted_);
  now.not_noted = load(*not_noted_);
  if (known_.counts || known_.times) add_tables(now);
  if (known_.times) {
    // The kernel's own memory: no system call is made.
    now.latency = bpfmap::histogram::log2(latency_.span());
  }
  if (known_.samples) {
    now.sampled.taken = load(*sampled_);
    now.sampled.lost = reader_.lost();
    now.sampled.malformed = reader_.malformed();
  }
  return now;
}

void tracer::add_tables(report& to) const {
  std::map<std::uint32_t, row> processes;
  std::map<std::int32_t, row> system_calls;
  // Each element is what all CPUs together have counted.
  for (auto const& [key, stats] : pairs_) {
    row const pair{.pid = key.pid,
                   .call = key.call,
                   .name = name_of(stats.name),
                   .calls = stats.calls,
                   .finished = stats.finished,
                   .failed = stats.failed,
                   .ns = stats.ns,
                   .last_ns = stats.last_ns};
    to.total += pair.calls;
    row& process = processes[key.pid];
    process.pid = key.pid;
    add(process, pair);
    row& system_call = system_calls[key.call];
    system_call.call = key.call;
    add(system_call, pair);
    to.pairs.push_back(pair);
  }
  busiest_first(to.pairs);
  to.processes = sorted(std::move(processes));
  to.system_calls = sorted(std::move(system_calls));
}

}  // namespace syscount
