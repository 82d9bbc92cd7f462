// SPDX-License-Identifier: MIT
// expect-error: conversion from|no viable conversion
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/array.hpp>

#include <cstdint>
#include <span>

using counters = bpfmap::array<std::uint64_t, bpfmap::mmapable>;
using shown = bpfmap::array<std::uint64_t, bpfmap::mmapable_read_only>;

std::size_t use() {
#ifdef BPFMAP_EXPECT_ERROR
  shown map;
  std::span<std::uint64_t> const cells = map.span();
  return cells.size();
#else
  shown map;
  std::span<std::uint64_t const> const cells = map.span();
  return cells.size();
#endif
}
