// SPDX-License-Identifier: MIT
// expect-error: use find
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <system_error>

using counts = bpfmap::percpu_array<std::uint64_t, bpfmap::reduce::slots>;

std::size_t use(counts const& map, std::error_code& ec) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.at(1, ec).size();
#else
  auto const found = map.find(1, ec);
  return found ? found->size() : 0;
#endif
}
