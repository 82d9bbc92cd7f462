// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_LIST_PROGRAM_HPP
#define BPFMAP_KERNEL_LIST_PROGRAM_HPP

// Programs that work through a list in memory shared with this process: how they loop, are loaded and run. Linux 5.14
// (BPF_PROG_TYPE_SYSCALL).

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <system_error>

#include <bpfmap/core/made_once.hpp>
#include <bpfmap/kernel/assembler.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/scratch_array.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// Begins the memory of such a program. `next` lies here and not in a register because the verifier would follow a
/// register's value through every round, up to a million instructions; what it loads from memory may be anything.
struct list_header {
  std::uint32_t next = 0;     ///< the item that comes next; how many are done
  std::uint32_t count = 0;    ///< how many items there are
  std::uint32_t matched = 0;  ///< how many of them gave what was asked for
  std::int32_t error = 0;     ///< why it stopped before the end: a negative errno, of item `next`
  std::uint64_t argument = 0;
  std::int64_t tolerated = 0;  ///< a negative errno that only means "not matched"
};

inline constinit made_once<bool> may_goto_known;

/// Whether the kernel knows may_goto (Linux 6.9): then a loop may be as long as it likes. Asked once a process.
inline bool has_may_goto() noexcept {
  std::error_code ignored;
  bool const* const known = may_goto_known.get(
      [](bool& known_here, std::error_code& why) noexcept {
        bpf::instruction const code[] = {bpf::skip_if_too_long(0), bpf::move(bpf::reg::r0, 0), bpf::exit()};
        unique_fd const loaded(sys::program_load(BPF_PROG_TYPE_SYSCALL, "bpfmap_probe", "Dual MIT/GPL", code,
                                                 std::size(code), BPF_F_SLEEPABLE));
        known_here = static_cast<bool>(loaded);
        // No privileges, or no memory: that says nothing about the kernel, so it is asked again.
        if (!loaded && errno != EINVAL) why = make_error(EAGAIN);
      },
      ignored);
  return known != nullptr && *known;
}

/// Emits a program that does `body` for each item of the list in `memory`, and leaves the number of items done in the
/// header. Without may_goto one run does some of them only, and is to be repeated.
///
/// `body(assembler, stop)` finds the memory's address in r6 and the item's number, below `most`, in r7. It keeps
/// these two and r9, and jumps to `stop` to end with this item undone.
template <class Body>
void emit_list_program(bpf::assembler& code, scratch_array const& memory, std::uint32_t most, bool may_goto,
                       Body const& body) {
  using bpf::alu;
  using bpf::reg;
  using bpf::when;
  bpf::label const stop = code.new_label();
  code << bpf::load_map_value(reg::r6, memory.fd(), 0);
  if (!may_goto) code << bpf::move(reg::r9, 0);
  bpf::label const head = code.new_label_here();
  std::uint32_t const start = code.size();
  if (may_goto) code.jump(bpf::skip_if_too_long(0), stop);
  code << bpf::load(reg::r7, reg::r6, offsetof(list_header, next), 4);
  code << bpf::load(reg::r1, reg::r6, offsetof(list_header, count), 4);
  code.jump_if(reg::r7, when::at_least, reg::r1, stop);
  code.jump_if(reg::r7, when::at_least, static_cast<std::int32_t>(most), stop);  // for the verifier
  body(code, stop);
  code << bpf::compute(alu::add, reg::r7, 1) << bpf::store(reg::r6, offsetof(list_header, next), reg::r7, 4);
  if (may_goto) {
    code.jump(head);
  } else {
    // The verifier goes through every round: so many that it has done before long. Without memory nothing was emitted.
    std::uint32_t const instructions = std::max(code.size() - start, 1U);
    std::uint32_t const rounds = std::clamp(32'768 / instructions, 8U, 128U);
    code << bpf::compute(alu::add, reg::r9, 1);
    code.jump_if(reg::r9, when::less, static_cast<std::int32_t>(rounds), head);
  }
  code.place(stop);
  code << bpf::move(reg::r0, 0) << bpf::exit();
}

/// Loads a program of type BPF_PROG_TYPE_SYSCALL. Needs CAP_BPF, and CAP_PERFMON for what reads the kernel's memory; to
/// run it, its descriptor is enough.
/// @errors EPERM no CAP_BPF; EINVAL the kernel is older than 5.14; or the verifier's (EACCES, EINVAL, E2BIG)
inline unique_fd load_syscall_program(char const* name, bpf::assembler& code, std::error_code& ec,
                                      sys::program_functions const& functions = {}) noexcept {
  auto const instructions = code.code(ec);
  if (ec) return {};
  unique_fd loaded(sys::program_load(BPF_PROG_TYPE_SYSCALL, name, "Dual MIT/GPL", instructions.data(),
                                     instructions.size(), BPF_F_SLEEPABLE, functions));
  if (!loaded) ec = make_error(errno);
  return loaded;
}

/// Runs it once, on this CPU. BPF_PROG_RUN.
/// @cost one system call, 0.6 µs and the work
inline void run_syscall_program(int program_fd, std::error_code& ec) noexcept {
  bpf_test_run_opts options{};
  int const failed = sys::own_program_run(program_fd, options);
  ec = failed < 0 ? make_error(failed) : std::error_code{};
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
