// SPDX-License-Identifier: MIT
// expect-error: conversion .*from 'std::string_view
// (The compilers' own words: they ask no concept of bpfmap's here.)
#include <bpfmap/maps/hash.hpp>

#include <cstdint>
#include <string>
#include <string_view>

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;

void use(flows& map, std::string_view path) {
#ifdef BPFMAP_EXPECT_ERROR
  map.pin(path);
#else
  map.pin(std::string(path));
#endif
}
