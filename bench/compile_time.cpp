// SPDX-License-Identifier: MIT
// How long does a small program take to compile, with bpfmap and with libbpf alone?
#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

#include "rounds.hpp"

namespace {

// What the build knows: BPFMAP_BENCH_CXX and _CLANG are compilers, BPFMAP_BENCH_FLAGS say where headers are.
std::uint64_t compile(std::string const& compiler, char const* source) {
  std::string const command = fmt::format("{} -std=c++20 -O2 {} -c -o /dev/null '{}/{}.cpp'", compiler,
                                          BPFMAP_BENCH_FLAGS, BPFMAP_BENCH_COMPILED, source);
  // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): one thread, and a command that the build wrote
  if (std::system(command.c_str()) != 0) throw std::runtime_error("this fails: " + command);
  return 0;
}

void compile_time(benchmark::State& state, std::string const& compiler) {
  bench::rounds(state, "Compiling a program of ten lines: " + compiler.substr(compiler.rfind('/') + 1) + " -O2", "file",
                1)
      .add("libbpf", [&] { return compile(compiler, "with_libbpf"); })
      .ours("bpfmap bpfmap/bpfmap.hpp", [&] { return compile(compiler, "with_bpfmap"); })
      .ours("bpfmap bpfmap/maps/hash.hpp", [&] { return compile(compiler, "with_one_header"); })
      .measure();
}

BENCHMARK_CAPTURE(compile_time, first compiler, BPFMAP_BENCH_CXX)->Apply(bench::in_rounds);
#ifdef BPFMAP_BENCH_CLANG
BENCHMARK_CAPTURE(compile_time, clang, BPFMAP_BENCH_CLANG)->Apply(bench::in_rounds);
#endif

}  // namespace
