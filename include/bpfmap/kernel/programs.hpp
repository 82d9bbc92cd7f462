// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_PROGRAMS_HPP
#define BPFMAP_KERNEL_PROGRAMS_HPP

// The programs that bpfmap runs in the kernel by itself: written as instructions when the program runs, so
// no compiler and no file is needed.

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <system_error>

#include <bpfmap/core/made_once.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/instructions.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/kernel/vmlinux.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

inline constinit made_once<std::uint32_t> the_element_count_function;

/// The BTF id of the kfunc that counts a hash's elements, or 0 with an error. The same for all maps and fixed at boot,
/// so looked up once a process.
/// @errors as find_kernel_function(): ENOENT before Linux 6.6
inline std::uint32_t element_count_function(std::error_code& ec) noexcept {
  std::uint32_t const* const id = the_element_count_function.get(
      [](std::uint32_t& found, std::error_code& why) noexcept {
        found = find_kernel_function(vmlinux_btf, "bpf_map_sum_elem_count", why);
      },
      ec);
  return id == nullptr ? 0 : *id;
}

/// Loads the program that counts the elements of one map of the hash family, in constant time:
///   *(u64*)ctx = bpf_map_sum_elem_count(map); return 0;
/// Needs Linux 6.6 and, to load, CAP_BPF. To run it, its descriptor is enough: it goes on working after
/// privileges were dropped. Right only for hash, lru_hash, percpu_hash, lru_percpu_hash and hash_of_maps: for
/// any other type the kfunc answers 0 (kernel/bpf/map_iter.c: no elem_count, no count).
/// The loaded program keeps the kernel's map alive, so it must go with the object that owns it.
/// @errors ENOENT the kernel has no such function; EPERM no CAP_BPF; or the verifier's
inline unique_fd load_count_program(int map_fd, std::error_code& ec) noexcept {
  std::uint32_t const function = element_count_function(ec);
  if (ec) return {};
  auto const map = bpf::load_map(bpf::reg::r1, map_fd);
  bpf::instruction const code[] = {
      bpf::move(bpf::reg::r6, bpf::reg::r1),
      map[0],
      map[1],
      bpf::call_kernel_function(function),
      bpf::store(bpf::reg::r6, 0, bpf::reg::r0, 8),
      bpf::move(bpf::reg::r0, 0),
      bpf::exit(),
  };
  // kfuncs are for programs with a GPL-compatible licence; SYSCALL programs must be sleepable.
  unique_fd loaded(
      sys::program_load(BPF_PROG_TYPE_SYSCALL, "bpfmap_count", "Dual MIT/GPL", code, std::size(code), BPF_F_SLEEPABLE));
  ec = loaded ? std::error_code{} : make_error(errno);
  return loaded;
}

/// Runs what load_count_program() gave.
/// @return the count; never negative. While others write, the kernel's sum of per-CPU counters may catch an
///         insertion without its deletion or the other way round
/// @cost one system call, 1 µs whatever the size
inline std::uint64_t run_count_program(int program_fd, std::error_code& ec) noexcept {
  std::int64_t count = 0;
  bpf_test_run_opts options{};
  options.ctx_in = &count;  // copied back after the run: SYSCALL programs have no ctx_out
  options.ctx_size_in = sizeof count;
  int const failed = sys::own_program_run(program_fd, options);
  ec = failed < 0 ? make_error(failed) : std::error_code{};
  return failed < 0 || count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
