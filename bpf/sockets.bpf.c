// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Socket programs: echo within the kernel, and choosing among listeners.
#include <linux/bpf.h>
#include "bpfmap.bpf.h"

struct peer {
  __u32 port;
  __u32 family;
};

BPFMAP_SOCKMAP(peers, 4);
BPFMAP_SOCKHASH(peers_by_port, struct peer, 16);
BPFMAP_REUSEPORT_SOCKARRAY(listeners, 4);
BPFMAP_ARRAY(chosen, __u32, 1);
BPFMAP_PERCPU_ARRAY(echoed_bytes, __u64, 1);

static __always_inline void count(struct __sk_buff* message) {
  __u32 first = 0;

  bpfmap_add(&echoed_bytes, &first, message->len);
}

// Back out of the socket that it came in by.
SEC("sk_skb/stream_verdict")
int echo(struct __sk_buff* message) {
  count(message);
  return (int)bpf_sk_redirect_map(message, &peers, 0, 0);
}

SEC("sk_skb/stream_verdict")
int echo_by_port(struct __sk_buff* message) {
  struct peer key = {.port = message->local_port, .family = message->family};

  count(message);
  return (int)bpf_sk_redirect_hash(message, &peers_by_port, &key, 0);
}

SEC("sk_reuseport")
int choose(struct sk_reuseport_md* request) {
  __u32 first = 0;
  __u32* index = bpf_map_lookup_elem(&chosen, &first);

  if (!index) return SK_DROP;
  return bpf_sk_select_reuseport(request, &listeners, index, 0) == 0 ? SK_PASS : SK_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
