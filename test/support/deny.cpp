// SPDX-License-Identifier: MIT
// Definitions in the executable come before the shared library's: the headers' calls arrive here, and go on to
// the real functions unless they are denied.
#include "deny.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include <dlfcn.h>

#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace {

std::atomic<bool> batch_denied{false};
std::atomic<bool> programs_denied{false};
std::atomic<bool> runs_denied{false};
std::atomic<int> helper_denied{0};
std::atomic<unsigned long> lookup_batches{0};
std::atomic<unsigned long> update_batches{0};
std::atomic<unsigned long> next_keys{0};
std::atomic<unsigned long> program_loads{0};

template <class F>
F* real(char const* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

bool calls_helper(bpf_insn const* code, std::size_t count, int id) {
  return std::any_of(code, code + count, [&](bpf_insn const& each) {
    return each.code == (BPF_JMP | BPF_CALL) && each.src_reg == 0 && each.imm == id;
  });
}

int refuse(int number) {
  errno = number;
  return -number;
}

}  // namespace

extern "C" int bpf_map_lookup_batch(int fd, void* in, void* out, void* keys, void* values, __u32* count,
                                    bpf_map_batch_opts const* options) {
  static auto* const next = real<decltype(bpf_map_lookup_batch)>("bpf_map_lookup_batch");
  // Batches of nothing are how a map is told from a program; they are no walk.
  if (*count != 0) {
    ++lookup_batches;
    if (batch_denied) return refuse(bpfmap::enotsupp);
  }
  return next(fd, in, out, keys, values, count, options);
}

extern "C" int bpf_map_update_batch(int fd, void const* keys, void const* values, __u32* count,
                                    bpf_map_batch_opts const* options) {
  static auto* const next = real<decltype(bpf_map_update_batch)>("bpf_map_update_batch");
  ++update_batches;
  if (batch_denied) return refuse(bpfmap::enotsupp);
  return next(fd, keys, values, count, options);
}

extern "C" int bpf_map_delete_batch(int fd, void const* keys, __u32* count, bpf_map_batch_opts const* options) {
  static auto* const next = real<decltype(bpf_map_delete_batch)>("bpf_map_delete_batch");
  if (batch_denied) return refuse(bpfmap::enotsupp);
  return next(fd, keys, count, options);
}

extern "C" int bpf_map_lookup_and_delete_batch(int fd, void* in, void* out, void* keys, void* values, __u32* count,
                                               bpf_map_batch_opts const* options) {
  static auto* const next = real<decltype(bpf_map_lookup_and_delete_batch)>("bpf_map_lookup_and_delete_batch");
  if (batch_denied) return refuse(bpfmap::enotsupp);
  return next(fd, in, out, keys, values, count, options);
}

extern "C" int bpf_map_get_next_key(int fd, void const* key, void* next_key) {
  static auto* const next = real<decltype(bpf_map_get_next_key)>("bpf_map_get_next_key");
  ++next_keys;
  return next(fd, key, next_key);
}

extern "C" int bpf_prog_test_run_opts(int fd, bpf_test_run_opts* options) {
  static auto* const next = real<decltype(bpf_prog_test_run_opts)>("bpf_prog_test_run_opts");
  if (runs_denied) return refuse(ENOMEM);
  return next(fd, options);
}

// By its symbol: libbpf 1.2 and newer write into the options, older ones take const ones.
extern "C" int denied_prog_load(bpf_prog_type type, char const* name, char const* license, bpf_insn const* code,
                                size_t count, bpf_prog_load_opts const* options) __asm__("bpf_prog_load");
extern "C" int denied_prog_load(bpf_prog_type type, char const* name, char const* license, bpf_insn const* code,
                                size_t count, bpf_prog_load_opts const* options) {
  static auto* const next = real<decltype(denied_prog_load)>("bpf_prog_load");
  ++program_loads;
  if (programs_denied) return refuse(EPERM);
  if (int const helper = helper_denied; helper != 0 && calls_helper(code, count, helper)) {
    if (options != nullptr && options->log_buf != nullptr)
      std::snprintf(options->log_buf, options->log_size, "invalid func unknown#%d\n", helper);
    return refuse(EINVAL);
  }
  return next(type, name, license, code, count, options);
}

namespace test {

deny_batch::deny_batch() { batch_denied = true; }
deny_batch::~deny_batch() { batch_denied = false; }
deny_programs::deny_programs() { programs_denied = true; }
deny_programs::~deny_programs() { programs_denied = false; }
deny_runs::deny_runs() { runs_denied = true; }
deny_runs::~deny_runs() { runs_denied = false; }

deny_helper::deny_helper(int id) { helper_denied = id; }
deny_helper::~deny_helper() { helper_denied = 0; }
unsigned long calls::lookup_batch() { return lookup_batches; }
unsigned long calls::update_batch() { return update_batches; }
unsigned long calls::next_key() { return next_keys; }
unsigned long calls::program_load() { return program_loads; }

}  // namespace test
