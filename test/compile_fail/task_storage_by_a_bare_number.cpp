// SPDX-License-Identifier: MIT
// expect-error: the key of a local storage says what it is: a socket_fd
#include <bpfmap/maps/local_storage.hpp>

#include <cstdint>

using marks = bpfmap::task_storage<std::uint64_t>;

void use(marks const& map, int number) {
#ifdef BPFMAP_EXPECT_ERROR
  map.insert_or_assign(number, 1);
#else
  map.insert_or_assign(bpfmap::pid{number}, 1);
#endif
}
