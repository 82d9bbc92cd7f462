// SPDX-License-Identifier: MIT
// What does a program pay for counting in a striped array? A per-CPU array beside it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <bpfmap/bpfmap.hpp>

#include <memory>
#include <stdexcept>

#include "../bpf/side.h"
#include "../bpf/striped.h"
#include "elements.hpp"
#include "rounds.hpp"
#include "striped.skel.h"

namespace {

constexpr std::uint32_t runs = 200;

struct destroy {
  void operator()(striped_bpf* object) const { striped_bpf::destroy(object); }
};

// The program adds one to STRIPED_ADDITIONS elements, so many times in a row inside one system call. The kernel
// measures it, and leaves out when others ran in between.
bench::outcome run(bpf_program* program) {
  char packet[64] = {};
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = packet;
  options.data_size_in = sizeof packet;
  options.repeat = runs;
  bench::libbpf::expect(bpf_prog_test_run_opts(bpf_program__fd(program), &options) == 0, "a program does not run");
  return {double{runs} * options.duration, options.retval};
}

void add_in_a_program(benchmark::State& state) {
  std::unique_ptr<striped_bpf, destroy> const object(striped_bpf::open());
  if (!object) throw std::runtime_error("the programs that count cannot be opened");
  std::error_code ec;
  bpfmap::fit_to_machine(object->obj, ec);
  if (ec || striped_bpf::load(object.get()) != 0) throw std::runtime_error("the programs that count do not load");
  bench::rounds(state, "Adding one in a program", "addition", double{runs} * STRIPED_ADDITIONS)
      .add("libbpf per-CPU array", [&] { return run(object->progs.striped_price_beside); })
      .ours("bpfmap striped_array", [&] { return run(object->progs.striped_price); })
      .measure();
}

BENCHMARK(add_in_a_program)->Apply(bench::in_rounds);

}  // namespace
