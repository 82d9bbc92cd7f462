// SPDX-License-Identifier: MIT
// The maps of a program that counts what flows through a machine.
#include <bpfmap/bpfmap.hpp>

struct flow_key {
  std::uint32_t from;
  std::uint32_t to;
};

struct flow_stats {
  std::uint64_t packets;
  std::uint64_t bytes;
};

extern bpfmap::hash<flow_key, flow_stats> flows;
extern bpfmap::percpu_array<std::uint64_t> drops;

extern flow_key const key;
extern std::vector<flow_key> const keys;
extern std::vector<flow_stats> stats;
extern std::vector<std::uint64_t> by_port;
