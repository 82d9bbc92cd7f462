// SPDX-License-Identifier: MIT
// What a program in C++ finds beside the map of hits. Raw tracepoints: no tracefs is needed to attach to them.
BPFMAP_ARRAY_MMAPABLE(table, __u64, 64);

SEC("raw_tp/sys_enter") int on_open(void* context) {
  (void)context;
  __u32 process = bpf_get_current_pid_tgid() >> 32;
  bpfmap_add(&hits, &process, 1);
  return 0;
}

SEC("raw_tp/sys_exit") int on_close(void* context) {
  (void)context;
  __u32 first = 0;
  bpfmap_add(&table, &first, 1);
  return 0;
}
