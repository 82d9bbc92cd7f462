// SPDX-License-Identifier: MIT
#include "rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <limits>
#include <memory>
#include <sstream>
#include <string_view>

#include "peers.hpp"

namespace bench {

namespace {

constexpr double noise_bound = 0.2;  // of the spread of a ratio: quartiles apart, by the median
constexpr double long_enough = 2e5;  // nanoseconds: the clock and an interrupt are nothing beside it

struct {
  bool failed = false;
  bool noisy = false;
} ended;

struct summary {
  double q1;
  double median;
  double q3;

  [[nodiscard]] double spread() const { return (q3 - q1) / median; }
  [[nodiscard]] bool noisy() const { return !(spread() <= noise_bound); }
};

summary summarize(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  auto const at = [&](double part) {
    double const place = part * static_cast<double>(numbers.size() - 1);
    auto const below = static_cast<std::size_t>(place);
    std::size_t const above = std::min(below + 1, numbers.size() - 1);
    return std::lerp(numbers[below], numbers[above], place - std::floor(place));
  };
  return {at(0.25), at(0.5), at(0.75)};
}

// Three digits that count.
std::string number(double value) {
  if (value >= 1e9) return fmt::format("{:.2f} G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f} M", value / 1e6);
  if (value >= 1e5) return fmt::format("{:.0f} k", value / 1e3);
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  return value >= 9.995 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

void keep(benchmark::State& state, std::string const& name, double value) { state.counters[name] = value; }

void keep(benchmark::State& state, std::string const& name, std::string const& what, summary const& values) {
  keep(state, name + '|' + what, values.median);
  keep(state, name + '|' + what + "|q1", values.q1);
  keep(state, name + '|' + what + "|q3", values.q3);
}

}  // namespace

settings& chosen() {
  static settings all;
  return all;
}

int exit_status() {
  if (ended.failed) return 1;
  return ended.noisy ? 3 : 0;
}

rounds::rounds(benchmark::State& state, std::string title, std::string unit, double operations)
    : state_(state), title_(std::move(title)), unit_(std::move(unit)), operations_(operations) {}

rounds& rounds::peers(std::string const& kind, int fd, std::string const& operation,
                      std::function<std::string()> arguments, around const& extra) {
  open_for_peers(kind, fd);
  for (auto const& each : bench::peers()) {
    auto first_arguments = arguments;  // a copy: asking is no round
    std::istringstream ways(each->ask(fmt::format("ways {} {}", operation, first_arguments())));
    for (std::string way; ways >> way;) {
      auto run = [=, one = each.get()](int) {
        if (extra.before) extra.before();
        std::istringstream said(one->ask(fmt::format("{} {} {}", operation, way, arguments())));
        outcome took;
        if (!(said >> took.nanoseconds >> took.answer)) {
          throw std::runtime_error(one->name() + " does not answer as it should");
        }
        if (extra.answer) took.answer = extra.answer();
        return took;
      };
      techniques_.push_back({each->name() + ' ' + way, std::move(run), false, technique::side::peer});
    }
  }
  return *this;
}

rounds& rounds::at_least(double bound, std::string slow, std::string fast) {
  targets_.push_back({target::kind::at_least, bound, std::move(slow), std::move(fast)});
  return *this;
}

rounds& rounds::at_most(double bound, std::string slow, std::string fast) {
  targets_.push_back({target::kind::at_most, bound, std::move(slow), std::move(fast)});
  return *this;
}

rounds& rounds::at_least_peers(double bound, std::string fast) {
  for (technique const& each : techniques_) {
    if (each.of == technique::side::peer) at_least(bound, each.name, fast);
  }
  return *this;
}

std::size_t rounds::place(std::string const& name) const {
  auto const found = std::ranges::find(techniques_, name, &technique::name);
  if (found == techniques_.end()) throw std::logic_error("no technique is called " + name);
  return static_cast<std::size_t>(found - techniques_.begin());
}

// What the others are compared with: ours, or what comes first as long as there is none.
std::size_t rounds::reference() const {
  auto const found = std::ranges::find(techniques_, technique::side::ours, &technique::of);
  return found == techniques_.end() ? 0 : static_cast<std::size_t>(found - techniques_.begin());
}

double rounds::median(std::string const& name) const { return summarize(times_[place(name)]).median; }

// The first run of each: caches and lazily made helpers are warm afterwards, and all must agree.
void rounds::warm_up() {
  times_.assign(techniques_.size(), {});
  outcome expected;
  for (std::size_t i = 0; i < techniques_.size(); ++i) {
    outcome const took = techniques_[i].run(1);
    if (i == 0) expected = took;
    if (took.answer != expected.answer) {
      throw std::runtime_error(fmt::format("{} answers {}, {} answers {}", techniques_[0].name, expected.answer,
                                           techniques_[i].name, took.answer));
    }
  }
  auto const start = std::chrono::steady_clock::now();
  for (technique const& each : techniques_) {
    double const once = std::max(each.run(1).nanoseconds, 1.0);
    repeats_.push_back(each.repeatable ? static_cast<int>(std::ceil(long_enough / once)) : 1);
  }
  round_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void rounds::run_rounds() {
  double const least = chosen().quick ? 3 : 7;
  double const most = chosen().quick ? 11 : 201;
  double const budget = chosen().quick ? 0.3 : chosen().seconds;
  auto const count = static_cast<std::size_t>(std::clamp(budget / round_seconds_, least, most));
  std::size_t const all = techniques_.size();
  for (std::size_t round = 0; round < count; ++round) {
    for (std::size_t i = 0; i < all; ++i) {
      // Another one first in each round, and every other round backwards: no one always follows the same.
      std::size_t const turn = (round / 2 + i) % all;
      std::size_t const which = round % 2 == 0 ? turn : all - 1 - turn;
      times_[which].push_back(techniques_[which].run(repeats_[which]).nanoseconds / operations_);
    }
  }
}

std::vector<double> rounds::ratios(std::string const& slow, std::string const& fast) const {
  std::vector<double> best(times_.front().size(), std::numeric_limits<double>::infinity());
  std::istringstream names(fast);
  for (std::string name; std::getline(names, name, '|');) {
    auto const& times = times_[place(name)];
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], times[i]);
  }
  std::vector<double> result = times_[place(slow)];
  for (std::size_t i = 0; i < best.size(); ++i) result[i] /= best[i];
  return result;
}

// Whether what it rests on is too noisy.
bool rounds::report_target(target const& claim) {
  summary const times = summarize(ratios(claim.slow, claim.fast));
  bool const least = claim.what == target::kind::at_least;
  bool const met = least ? times.median >= claim.bound : times.median <= claim.bound;
  std::string const words = fmt::format("{} : {} {} {}", claim.slow, claim.fast, least ? "≥" : "≤", claim.bound);
  bool const sure =
      least ? times.q1 >= claim.bound || times.q3 < claim.bound : times.q3 <= claim.bound || times.q1 > claim.bound;
  std::string verdict = met ? "ok" : "MISSED";
  if (times.noisy()) {
    verdict = sure ? verdict + ", though noisy"
                   : fmt::format("too noisy to be believed (spread {:.0f} %)", 100 * times.spread());
  }
  if (!met && (sure || !times.noisy()) && !chosen().quick) ended.failed = true;
  fmt::print("  target {} ×: {} × ({} to {})  {}\n", words, number(times.median), number(times.q1), number(times.q3),
             verdict);
  keep(state_, "target " + words, "times", times);
  keep(state_, "target " + words + "|met", met ? 1 : 0);
  return times.noisy();
}

void rounds::keep_ratios(std::string const& name) {
  for (technique const& each : techniques_) {
    if (each.of != technique::side::ours || each.name == name) continue;
    keep(state_, name, each.name, summarize(ratios(name, each.name)));
  }
}

void rounds::report() {
  std::string const& reference = techniques_[this->reference()].name;
  std::size_t const count = times_.front().size();
  fmt::print("{}\n", title_);
  std::size_t width = 8;
  for (technique const& each : techniques_) width = std::max(width, each.name.size());
  fmt::print("  {:{}}  {:>10}  {:^21}  {} is so many times as fast\n", fmt::format("ns/{}, {} rounds", unit_, count),
             std::max<std::size_t>(width, 24), "median", "quartiles", reference);
  bool believed = true;
  for (std::size_t i = 0; i < techniques_.size(); ++i) {
    std::string const& name = techniques_[i].name;
    summary const time = summarize(times_[i]);
    summary const times = summarize(ratios(name, reference));
    fmt::print("  {:{}}  {:>10}  {:>9} … {:<9}  ", name, std::max<std::size_t>(width, 24), number(time.median),
               number(time.q1), number(time.q3));
    if (name == reference) {
      fmt::print("\n");
    } else {
      fmt::print("{:>7} × ({} to {}){}\n", number(times.median), number(times.q1), number(times.q3),
                 times.noisy() ? "  noisy" : "");
      if (times.noisy()) believed = false;
    }
    keep(state_, name + "|place", static_cast<double>(i));
    keep(state_, name + "|side", static_cast<double>(techniques_[i].of));
    keep(state_, name, "ns", time);
    keep_ratios(name);
  }
  for (target const& each : targets_) {
    if (report_target(each)) believed = false;
  }
  if (chosen().quick) {
    believed = false;
    fmt::print("  --quick: too few rounds to be believed\n");
  } else if (!believed) {
    ended.noisy = true;
    fmt::print("  TOO NOISY TO BE BELIEVED: quartiles of a ratio are more than {:.0f} % apart\n", 100 * noise_bound);
  }
  keep(state_, "rounds", static_cast<double>(count));
  keep(state_, "believed", believed ? 1 : 0);
  fmt::print("\n");
  std::fflush(stdout);
}

bool rounds::measure() {
  try {
    for (auto _ : state_) {
      warm_up();
      run_rounds();
      state_.SetIterationTime(1e-9 * operations_ * median(techniques_[reference()].name));
    }
    state_.SetLabel(title_ + '|' + unit_);
    report();
    return true;
  } catch (std::exception const& error) {
    ended.failed = true;
    fmt::print("{}\n  FAILED: {}\n\n", title_, error.what());
    state_.SkipWithError(error.what());
    return false;
  }
}

void claim(benchmark::State& state, std::string const& what, double measured, double bound, bool holds) {
  fmt::print("  target {} ({}): {}  {}\n\n", what, number(bound), number(measured), holds ? "ok" : "MISSED");
  if (!holds && !chosen().quick) ended.failed = true;
  keep(state, "target " + what + "|times", measured);
  keep(state, "target " + what + "|met", holds ? 1 : 0);
}

}  // namespace bench
