// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <system_error>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(flows& map) {
#ifdef BPFMAP_EXPECT_ERROR
  map.pin("/sys/fs/bpf/flows");
#else
  std::error_code ec;
  map.pin("/sys/fs/bpf/flows", ec);
#endif
}
