// SPDX-License-Identifier: MIT
// Takes abilities away from the real libbpf, so that the fallbacks run on a kernel that does not need them.
#ifndef BPFMAP_TEST_SUPPORT_DENY_HPP
#define BPFMAP_TEST_SUPPORT_DENY_HPP

namespace test {

/// While it lives, BPF_MAP_LOOKUP_BATCH, _UPDATE_BATCH, _DELETE_BATCH and _LOOKUP_AND_DELETE_BATCH answer ENOTSUPP, as
/// kernels do that have no batches for a type.
struct deny_batch {
  deny_batch();
  deny_batch(deny_batch const&) = delete;
  deny_batch& operator=(deny_batch const&) = delete;
  ~deny_batch();
};

/// While it lives, BPF_PROG_LOAD answers EPERM, as it does without CAP_BPF.
struct deny_programs {
  deny_programs();
  deny_programs(deny_programs const&) = delete;
  deny_programs& operator=(deny_programs const&) = delete;
  ~deny_programs();
};

/// While it lives, BPF_PROG_RUN answers ENOMEM.
struct deny_runs {
  deny_runs();
  deny_runs(deny_runs const&) = delete;
  deny_runs& operator=(deny_runs const&) = delete;
  ~deny_runs();
};

/// While it lives, BPF_PROG_LOAD refuses programs that call this helper, in the words of kernels that do not have it.
struct deny_helper {
  explicit deny_helper(int id);
  deny_helper(deny_helper const&) = delete;
  deny_helper& operator=(deny_helper const&) = delete;
  ~deny_helper();
};

/// Calls so far in this process.
struct calls {
  static unsigned long lookup_batch();
  static unsigned long update_batch();
  static unsigned long next_key();
  static unsigned long program_load();
};

}  // namespace test

#endif
