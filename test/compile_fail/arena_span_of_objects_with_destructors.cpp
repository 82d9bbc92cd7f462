// SPDX-License-Identifier: MIT
// expect-error: the type must be trivially copyable
#include <bpfmap/maps/arena.hpp>

#include <cstdint>

struct node {
  std::uint64_t next = 0;
};
struct owner : node {
  ~owner() { next = 0; }
};

std::size_t use(bpfmap::arena& heap) {
#ifdef BPFMAP_EXPECT_ERROR
  return heap.span<owner>(0, 1).size();
#else
  return heap.span<node>(0, 1).size();
#endif
}
