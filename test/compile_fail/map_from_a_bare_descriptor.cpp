// SPDX-License-Identifier: MIT
// expect-error: no viable conversion|could not convert|conversion from 'int'
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

#ifdef BPFMAP_EXPECT_ERROR
flows use(int fd) { return fd; }
#else
flows use(int fd) { return flows::from_fd(fd); }
#endif
