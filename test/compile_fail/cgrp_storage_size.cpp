// SPDX-License-Identifier: MIT
// expect-error: the elements of this map type cannot be counted
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::cgrp_storage<std::uint64_t>;

std::uint64_t use(marks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.size();
#else
  return map.at(bpfmap::cgroup_fd(3));
#endif
}
