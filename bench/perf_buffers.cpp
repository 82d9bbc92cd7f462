// SPDX-License-Identifier: MIT
// Reading what waits in a perf buffer.
#include <bpf/libbpf.h>
#include <bpfmap/bpfmap.hpp>

#include <memory>
#include <stdexcept>

#include "../bpf/events.h"
#include "elements.hpp"
#include "events.skel.h"
#include "rounds.hpp"

namespace {

constexpr std::uint32_t records_a_run = 1'000;
constexpr std::uint32_t runs = 10;
constexpr std::uint32_t records = runs * records_a_run;
constexpr std::size_t pages = 256;  // room for all of them

struct destroy {
  void operator()(events_bpf* object) const { events_bpf::destroy(object); }
  void operator()(perf_buffer* buffer) const { perf_buffer__free(buffer); }
};

// A program that sends, with a map of its own: a perf event array has one reader.
class sender {
 public:
  sender() : object_(events_bpf::open_and_load()) {
    if (!object_) throw std::runtime_error("the program that sends events does not load");
    object_->data->events_per_run = records_a_run;
  }
  int map() const { return bpf_map__fd(object_->maps.events); }
  void send() const {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    for (std::uint32_t i = 0; i < runs; ++i) {
      bench::libbpf::expect(bpf_prog_test_run_opts(bpf_program__fd(object_->progs.send), &options) == 0,
                            "the program that sends events does not run");
    }
    bench::libbpf::expect(object_->bss->refused == 0, "the buffer is too small");
  }

 private:
  std::unique_ptr<events_bpf, destroy> object_;
};

void drain_a_perf_buffer(benchmark::State& state) {
  sender const theirs;
  sender const ours;
  std::uint64_t sum = 0;
  std::unique_ptr<perf_buffer, destroy> const buffer(perf_buffer__new(
      theirs.map(), pages,
      [](void* context, int, void* data, std::uint32_t) {
        *static_cast<std::uint64_t*>(context) += static_cast<numbered_event const*>(data)->check;
      },
      nullptr, &sum, nullptr));
  if (!buffer) throw std::runtime_error("libbpf cannot open the perf buffer");
  auto const map = bpfmap::perf_event_array<>::from_fd(ours.map());
  auto reader = bpfmap::perf_reader<numbered_event>::open(map, {.bytes_per_cpu = pages * 4096});
  bench::rounds(state, "Reading 10,000 waiting records of 16 bytes from a perf buffer", "record", records)
      .add("libbpf consume",
           [&] {
             sum = 0;
             perf_buffer__consume(buffer.get());
             return sum;
           },
           {.before = [&] { theirs.send(); }, .answer = {}, .every_time = true})
      .ours("bpfmap consume",
            [&] {
              std::uint64_t checks = 0;
              reader.consume([&](numbered_event const& event) { checks += event.check; });
              return checks;
            },
            {.before = [&] { ours.send(); }, .answer = {}, .every_time = true})
      .measure();
}

BENCHMARK(drain_a_perf_buffer)->Apply(bench::in_rounds);

}  // namespace
