// SPDX-License-Identifier: MIT
// Running BPF programs of bpf/ on a CPU of one's choice.
#ifndef BPFMAP_TEST_SUPPORT_PROGRAMS_HPP
#define BPFMAP_TEST_SUPPORT_PROGRAMS_HPP

#include <string>

#include <bpfmap/bpfmap.hpp>

namespace test {

/// The path of the object made of bpf/<name>.bpf.c.
std::string object_path(std::string const& name);

inline bpfmap::object loaded(std::string const& name) {
  auto object = bpfmap::object::open(object_path(name));
  object.load();
  return object;
}

/// Runs a raw tracepoint program so many times on one CPU.
inline void run_on(bpfmap::program const& program, std::uint32_t cpu, int times) {
  for (int i = 0; i < times; ++i) program.run({.where = bpfmap::cpu{cpu}});
}

}  // namespace test

#endif
