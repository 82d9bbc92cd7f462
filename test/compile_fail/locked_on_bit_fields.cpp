// SPDX-License-Identifier: MIT
// expect-error: locked needs a value with a bpf_spin_lock among its members
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <system_error>

struct stats {
  std::uint32_t protocol : 8;
  std::uint32_t packets : 24;
};
using flows = bpfmap::hash<std::uint32_t, stats>;

bool use(flows const& map, std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.find(1, bpfmap::locked, ec).has_value();
#else
  return map.find(1, ec).has_value();
#endif
}
