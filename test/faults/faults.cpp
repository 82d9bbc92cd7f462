// SPDX-License-Identifier: MIT
// A seccomp filter traps the system calls, except from one instruction: there the handler of the trap makes them.
#include "faults.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <type_traits>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace {

faults::kind failing = faults::kind::none;
std::size_t nth_call = 0;
int given_error = 0;
bool armed = false;
faults::counts seen;
std::atomic<std::ptrdiff_t> blocks{0};

// Whether the n-th of `which` is here.
bool fails(faults::kind which, std::size_t& count) {
  if (!armed) return false;
  ++count;
  if (failing != which || count != nth_call) return false;
  seen.failed = true;
  return true;
}

}  // namespace

// ---- system calls ----

// The one instruction that the filter lets through, and the address behind it, which the filter sees.
#if defined(__x86_64__)
asm(R"(
.text
.globl faults_system_call
.globl faults_system_call_made
.type faults_system_call, @function
faults_system_call:
  movq %rdi, %rax
  movq %rsi, %rdi
  movq %rdx, %rsi
  movq %rcx, %rdx
  movq %r8, %r10
  movq %r9, %r8
  movq 8(%rsp), %r9
  syscall
faults_system_call_made:
  ret
.size faults_system_call, .-faults_system_call
)");
constexpr std::uint32_t this_machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
asm(R"(
.text
.globl faults_system_call
.globl faults_system_call_made
.type faults_system_call, %function
faults_system_call:
  mov x8, x0
  mov x0, x1
  mov x1, x2
  mov x2, x3
  mov x3, x4
  mov x4, x5
  mov x5, x6
  svc #0
faults_system_call_made:
  ret
.size faults_system_call, .-faults_system_call
)");
constexpr std::uint32_t this_machine = AUDIT_ARCH_AARCH64;
#else
#error "the registers of system calls are not known here"
#endif

extern "C" long faults_system_call(long number, long a, long b, long c, long d, long e, long f);
extern "C" char const faults_system_call_made[];

namespace {

// Those that bpfmap, libbpf and what they stand on make, and that fail in practice. Not close and munmap: what they
// take is gone even when they complain.
constexpr std::uint32_t can_fail[] = {
    SYS_bpf,     SYS_openat,     SYS_read,         SYS_pread64,         SYS_mmap,       SYS_dup,
    SYS_dup3,    SYS_fcntl,      SYS_ioctl,        SYS_fstat,           SYS_newfstatat, SYS_statfs,
    SYS_fstatfs, SYS_lseek,      SYS_uname,        SYS_epoll_ctl,       SYS_epoll_wait, SYS_epoll_create1,
    SYS_poll,    SYS_getdents64, SYS_memfd_create, SYS_perf_event_open,
};

void on_trap(int, siginfo_t* info, void* context) {
  int const before = errno;
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  auto& reg = machine.gregs;
  long const arguments[] = {reg[REG_RDI], reg[REG_RSI], reg[REG_RDX], reg[REG_R10], reg[REG_R8], reg[REG_R9]};
  auto& result = reg[REG_RAX];
#else
  auto const& reg = machine.regs;
  long const arguments[] = {static_cast<long>(reg[0]), static_cast<long>(reg[1]), static_cast<long>(reg[2]),
                            static_cast<long>(reg[3]), static_cast<long>(reg[4]), static_cast<long>(reg[5])};
  auto& result = machine.regs[0];
#endif
  if (armed && seen.system_calls < faults::counts::most)
    seen.numbers[seen.system_calls] = static_cast<std::uint16_t>(info->si_syscall);
  long const answer = fails(faults::kind::system_call, seen.system_calls)
                          ? -given_error
                          : faults_system_call(info->si_syscall, arguments[0], arguments[1], arguments[2], arguments[3],
                                               arguments[4], arguments[5]);
  result = static_cast<std::remove_reference_t<decltype(result)>>(answer);
  errno = before;
}

}  // namespace

namespace faults {

bool watch_system_calls() {
  struct sigaction action {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;

  auto const made = reinterpret_cast<std::uint64_t>(faults_system_call_made);
  constexpr auto calls = static_cast<std::uint8_t>(std::size(can_fail));
  sock_filter code[8 + calls + 2];
  std::size_t at = 0;
  auto const add = [&](std::uint16_t what, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    code[at++] = {what, yes, no, k};
  };
  constexpr std::uint16_t load = BPF_LD | BPF_W | BPF_ABS;
  constexpr std::uint16_t equal = BPF_JMP | BPF_JEQ | BPF_K;
  add(load, offsetof(seccomp_data, arch));
  add(equal, this_machine, 0, calls + 5);
  add(load, offsetof(seccomp_data, instruction_pointer));  // both machines are little endian
  add(equal, static_cast<std::uint32_t>(made), 0, 2);
  add(load, offsetof(seccomp_data, instruction_pointer) + 4);
  add(equal, static_cast<std::uint32_t>(made >> 32), calls + 1, 0);
  add(load, offsetof(seccomp_data, nr));
  for (std::uint8_t i = 0; i < calls; ++i) add(equal, can_fail[i], static_cast<std::uint8_t>(calls - i), 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  add(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  sock_fprog const program{static_cast<unsigned short>(at), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

void arm(kind which, std::size_t nth, int error) {
  seen.system_calls = 0;
  seen.allocations = 0;
  seen.failed = false;
  failing = which;
  nth_call = nth;
  given_error = error;
  armed = true;
}

counts const& disarm() {
  armed = false;
  return seen;
}

std::size_t live_blocks() { return static_cast<std::size_t>(blocks.load()); }

}  // namespace faults

// ---- allocations: glibc lets an executable replace them, and keeps its own under these names ----

extern "C" {
void* __libc_malloc(std::size_t);                 // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t, std::size_t);    // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void*, std::size_t);         // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT(bugprone-reserved-identifier)
void __libc_free(void*);                          // NOLINT(bugprone-reserved-identifier)
}

namespace {

bool allocation_fails() {
  if (!fails(faults::kind::allocation, seen.allocations)) return false;
  errno = ENOMEM;
  return true;
}

void* counted(void* block) {
  if (block != nullptr) ++blocks;
  return block;
}

}  // namespace

extern "C" void* malloc(std::size_t bytes) { return allocation_fails() ? nullptr : counted(__libc_malloc(bytes)); }
extern "C" void* calloc(std::size_t count, std::size_t bytes) {
  return allocation_fails() ? nullptr : counted(__libc_calloc(count, bytes));
}
extern "C" void* realloc(void* block, std::size_t bytes) {
  if (bytes == 0 && block != nullptr) {
    free(block);
    return nullptr;
  }
  if (allocation_fails()) return nullptr;
  void* const moved = __libc_realloc(block, bytes);
  return block == nullptr ? counted(moved) : moved;
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return allocation_fails() ? nullptr : counted(__libc_memalign(alignment, bytes));
}
extern "C" void* memalign(std::size_t alignment, std::size_t bytes) { return aligned_alloc(alignment, bytes); }
extern "C" int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  *block = aligned_alloc(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}
extern "C" void free(void* block) {
  if (block == nullptr) return;
  --blocks;
  __libc_free(block);
}
