// SPDX-License-Identifier: MIT OR GPL-2.0-only
// XDP programs that send the test's frames to an interface, a CPU or an AF_XDP socket, and count them on their way.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include "bpfmap.bpf.h"
#include <bpf/bpf_endian.h>

enum place { came_in, at_the_device, at_the_cpu, arrived, places };

BPFMAP_DEVMAP(ports, 4);
BPFMAP_DEVMAP_HASH(named_ports, 4);
BPFMAP_CPUMAP(cpus, 64);
BPFMAP_XSKMAP(sockets, 4);
BPFMAP_PERCPU_ARRAY(frames, __u64, places);

// Whether it is one of the test's; counts those. The kernel sends its own on interfaces that come up.
static __always_inline int counted(struct xdp_md* packet, __u32 place) {
  void* const end = (void*)(long)packet->data_end;
  struct ethhdr* const frame = (void*)(long)packet->data;

  if ((void*)(frame + 1) > end || frame->h_proto != bpf_htons(0x88b5)) return 0;
  return bpfmap_add(&frames, &place, 1) == 0;
}

SEC("xdp")
int to_device(struct xdp_md* packet) {
  return counted(packet, came_in) ? (int)bpf_redirect_map(&ports, 0, XDP_DROP) : XDP_PASS;
}

SEC("xdp")
int to_named_device(struct xdp_md* packet) {
  return counted(packet, came_in) ? (int)bpf_redirect_map(&named_ports, 4711, XDP_DROP) : XDP_PASS;
}

volatile const __u32 chosen_cpu = 0;

SEC("xdp")
int to_cpu(struct xdp_md* packet) {
  return counted(packet, came_in) ? (int)bpf_redirect_map(&cpus, chosen_cpu, XDP_DROP) : XDP_PASS;
}

SEC("xdp")
int to_socket(struct xdp_md* packet) {
  return counted(packet, came_in) ? (int)bpf_redirect_map(&sockets, packet->rx_queue_index, XDP_DROP) : XDP_PASS;
}

SEC("xdp/devmap")
int leaving(struct xdp_md* packet) {
  counted(packet, at_the_device);
  return XDP_PASS;
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md* packet) {
  counted(packet, at_the_cpu);
  return XDP_PASS;
}

SEC("xdp")
int arriving(struct xdp_md* packet) {
  counted(packet, arrived);
  return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
