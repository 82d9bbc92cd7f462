// SPDX-License-Identifier: MIT
// expect-error: this map type has no atomic extract
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::sk_storage<std::uint64_t>;

bool use(marks const& map) {
#ifdef BPFMAP_EXPECT_ERROR
  return map.extract(bpfmap::socket_fd(3)).has_value();
#else
  return map.erase(bpfmap::socket_fd(3));
#endif
}
