// SPDX-License-Identifier: MIT
// expect-error: map<M> makes a typed map
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/objects/object.hpp>

#include <cstdint>

#ifdef BPFMAP_EXPECT_ERROR
using hits = std::uint64_t;
#else
using hits = bpfmap::hash<std::uint32_t, std::uint64_t>;
#endif

void use(bpfmap::object& object) { static_cast<void>(object.map<hits>("hits")); }
