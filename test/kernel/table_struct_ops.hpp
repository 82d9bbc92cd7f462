// SPDX-License-Identifier: MIT
#ifndef BPFMAP_TEST_KERNEL_TABLE_STRUCT_OPS_HPP
#define BPFMAP_TEST_KERNEL_TABLE_STRUCT_OPS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include <bpfmap/bpfmap.hpp>

namespace test {

/// What a map of struct_ops is created with: its value's type and size in the running kernel.
struct struct_ops_type {
  std::uint32_t id;
  std::uint32_t size;
};
struct_ops_type congestion_control_type();

/// A value that registers a TCP congestion control, and the programs that it is made of.
std::vector<std::byte> congestion_control(std::vector<bpfmap::unique_fd>& programs);

}  // namespace test

#endif
