// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Variables that are static, in sections without others; of every kind; and one that only the kernel may change.
#include <linux/bpf.h>

#include "bpfmap.bpf.h"

static volatile __u64 hits;
static volatile const __u32 step = 1;

float ratio = 1.5f;
double ratios[3] = {1, 2, 3};
__s32 balance = -1;
struct pair {
  __u32 first, second;
} pair = {1, 2};
enum color { red, green } color = green;
char label[4] = "abc";

static struct bpf_spin_lock lock SEC(".data.locked");
static volatile __u64 guarded SEC(".data.locked");

SEC("tc")
int counts(void* ctx) {
  (void)ctx;
  hits += step;
  return 0;
}

/* Linux 6.2: before, no lock lies in a section. */
SEC("tc")
int counts_guarded(void* ctx) {
  (void)ctx;
  bpf_spin_lock(&lock);
  ++guarded;
  bpf_spin_unlock(&lock);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
