// SPDX-License-Identifier: MIT
#include <bpfmap/bpfmap.hpp>

extern bpfmap::array<std::uint64_t> table;
