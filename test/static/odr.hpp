// SPDX-License-Identifier: MIT
// What two translation units of one program must agree on, as each of them sees it.
#ifndef BPFMAP_TEST_STATIC_ODR_HPP
#define BPFMAP_TEST_STATIC_ODR_HPP

#include <bpfmap/bpfmap.hpp>

#include <cstdint>
#include <system_error>
#include <typeinfo>

struct sight {
  void const* category;
  void const* traits;
  void const* locked;
  void const* possible_cpus;
  void const* vmlinux;
  void const* counter_known;
  std::error_code (*make_error)(int) noexcept;
  std::uint64_t found;
};

// Not inline and not the same function: each unit has its own, and instantiates the same templates in it.
static sight look() {
  using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
  using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
  std::error_code ec;
  flows flow;
  hits hit;
  bpfmap::array<std::uint64_t, bpfmap::mmapable> cells;
  bpfmap::perf_reader<std::uint64_t> reader;
  std::uint64_t found = flow.find(1, ec).value_or(1) + hit.find(1, ec).value_or(2) + cells.span().size();
  found += reader.consume([](std::uint64_t) {}, ec);
  found += flow.for_each([](std::uint32_t, std::uint64_t) {}, ec);
  return {&bpfmap::bpf_category(),
          &flows::traits,
          &bpfmap::locked,
          &bpfmap::possible_cpus(ec),
          &bpfmap::detail::vmlinux_btf,
          &bpfmap::detail::the_element_count_function,
          &bpfmap::make_error,
          found};
}

#endif
