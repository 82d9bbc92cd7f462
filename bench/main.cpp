// SPDX-License-Identifier: MIT
// Runs the questions of the files beside this one. See rounds.hpp for what a question is.
#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peers.hpp"
#include "rounds.hpp"

namespace {

// What rounds print is the report.
class no_report : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(Context const&) override { return true; }
  void ReportRuns(std::vector<Run> const&) override {}
};

// The first line of /proc/cpuinfo that is called so.
std::string cpuinfo(std::string_view what) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    auto const colon = line.find(": ");
    if (line.starts_with(what) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

void say(std::string const& name, std::string const& what) {
  fmt::print("{:9} {}\n", name, what);
  benchmark::AddCustomContext(name, what);
}

void describe_machine() {
  utsname names{};
  ::uname(&names);
  bool const virtualised = (cpuinfo("flags") + ' ').find(" hypervisor ") != std::string::npos;
  say("kernel", fmt::format("{} {}", names.release, names.machine));
  say("cpu", fmt::format("{} (family {}, model {}), {} online, {}", cpuinfo("model name"), cpuinfo("cpu family"),
                         cpuinfo("model\t"), ::sysconf(_SC_NPROCESSORS_ONLN),
                         virtualised ? "virtualised" : "no hypervisor seen"));
  say("libbpf", libbpf_version_string());
  say("compiler", __VERSION__);
}

// Moving between CPUs is noise, and so is what else runs. The last CPU has the fewest interrupts. Peers inherit it all.
void stay_on_one_cpu() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = CPU_SETSIZE; cpu-- > 0;) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CPU_ZERO(&allowed);
    CPU_SET(cpu, &allowed);
    if (::sched_setaffinity(0, sizeof allowed, &allowed) == 0) say("pinned to", fmt::format("CPU {}", cpu));
    return;
  }
}

// As far as that is allowed. Where sessions share the CPU among them, it is the session that counts: run.py starts one.
void go_first() {
  ::setpriority(PRIO_PROCESS, 0, -20);
  if (::getsid(0) == ::getpid()) std::ofstream("/proc/self/autogroup") << -20;
}

}  // namespace

int main(int argc, char** argv) try {
  benchmark::Initialize(&argc, argv);  // takes what is called --benchmark_…
  CLI::App app("Each question is answered by several techniques in turn, libbpf's own among them.");
  std::vector<std::string> programs;
  app.add_flag("--quick", bench::chosen().quick, "few rounds: to see that it works, not to believe the numbers");
  app.add_option("--seconds", bench::chosen().seconds, "for each question")->capture_default_str();
  app.add_option("--peer", programs, "a program that does the same by another library; may be repeated")
      ->allow_extra_args(false);
  app.footer(
      "Options of Google Benchmark, such as --benchmark_filter=REGEX and --benchmark_out=FILE, do what they always "
      "do.\n"
      "Exit status: 0 all is well; 1 a question failed or a target was missed; 3 too noisy to be believed.");
  CLI11_PARSE(app, argc, argv);

  describe_machine();
  stay_on_one_cpu();
  if (!bench::chosen().quick) go_first();
  for (std::string const& program : programs) {
    bench::peers().push_back(std::make_unique<bench::peer>(program));
    say(fmt::format("peer {}", bench::peers().size()), bench::peers().back()->introduction());
  }
  fmt::print("\n");
  std::fflush(stdout);

  no_report quiet;
  benchmark::RunSpecifiedBenchmarks(&quiet);
  bench::peers().clear();
  return bench::exit_status();
} catch (std::exception const& error) {
  fmt::print(stderr, "bench: {}\n", error.what());
  return 1;
}
