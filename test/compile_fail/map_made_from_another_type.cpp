// SPDX-License-Identifier: MIT
// expect-error: conversion from|no viable conversion|could not convert
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <utility>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

#ifdef BPFMAP_EXPECT_ERROR
flows use(hits& from) { return std::move(from); }
#else
flows use(flows& from) { return std::move(from); }
#endif
