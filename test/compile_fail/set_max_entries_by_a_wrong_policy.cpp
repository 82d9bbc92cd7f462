// SPDX-License-Identifier: MIT
// expect-error: a sizing policy is a default-constructible type with std::uint32_t operator
#include <bpfmap/objects/object.hpp>

#include <cstdint>

struct thirty_two {
#ifdef BPFMAP_EXPECT_ERROR
  std::uint32_t operator()() const { return 32; }
#else
  std::uint32_t operator()(bpfmap::cpu_topology const&) const { return 32; }
#endif
};

void use(bpfmap::object& object) { object.map("events").set_max_entries(thirty_two{}); }
