// SPDX-License-Identifier: MIT
// expect-error: locked needs a value with a bpf_spin_lock among its members
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::sk_storage<std::uint64_t>;

bool use(marks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.contains(bpfmap::socket_fd(3)) && map.find(bpfmap::socket_fd(3), bpfmap::locked).has_value();
#else
  return map.contains(bpfmap::socket_fd(3)) && map.find(bpfmap::socket_fd(3)).has_value();
#endif
}
