// SPDX-License-Identifier: MIT
// bpfmap's own literals for map types and flags, against all who know better: the system's <linux/bpf.h>,
// libbpf, and the running kernel's BTF.

#include <bpfmap/core/error.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/instructions.hpp>
#include <bpfmap/kernel/sys.hpp>

#include "kernel_header_names.hpp"
#include "print.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace bpfmap;
using names = std::map<std::string, std::int64_t, std::less<>>;

std::string upper_case(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// What bpfmap calls by a number of its own, under the kernel's names.
names const& ours() {
  static names const all = [] {
    names list{
        {"BPF_F_NO_PREALLOC", map_flags::no_prealloc},
        {"BPF_F_NO_COMMON_LRU", map_flags::no_common_lru},
        {"BPF_F_NUMA_NODE", map_flags::numa_node},
        {"BPF_F_RDONLY", map_flags::rdonly},
        {"BPF_F_WRONLY", map_flags::wronly},
        {"BPF_F_STACK_BUILD_ID", map_flags::stack_build_id},
        {"BPF_F_ZERO_SEED", map_flags::zero_seed},
        {"BPF_F_RDONLY_PROG", map_flags::rdonly_prog},
        {"BPF_F_WRONLY_PROG", map_flags::wronly_prog},
        {"BPF_F_CLONE", map_flags::clone},
        {"BPF_F_MMAPABLE", map_flags::mmapable},
        {"BPF_F_PRESERVE_ELEMS", map_flags::preserve_elems},
        {"BPF_F_INNER_MAP", map_flags::inner_map},
        {"BPF_F_LINK", map_flags::link},
        {"BPF_F_PATH_FD", map_flags::path_fd},
        {"BPF_F_VTYPE_BTF_OBJ_FD", map_flags::vtype_btf_obj_fd},
        {"BPF_F_TOKEN_FD", map_flags::token_fd},
        {"BPF_F_SEGV_ON_FAULT", map_flags::segv_on_fault},
        {"BPF_F_NO_USER_CONV", map_flags::no_user_conv},
        {"BPF_F_RB_OVERWRITE", map_flags::rb_overwrite},
        {"BPF_ANY", elem_flags::any},
        {"BPF_NOEXIST", elem_flags::noexist},
        {"BPF_EXIST", elem_flags::exist},
        {"BPF_F_LOCK", elem_flags::lock},
        {"BPF_F_CPU", elem_flags::cpu},
        {"BPF_F_ALL_CPUS", elem_flags::all_cpus},
        {"BPF_MAP_TYPE_UNSPEC", static_cast<std::int64_t>(map_type::unspec)},
    };
    for (map_traits const& row : all_traits()) {
      list.emplace("BPF_MAP_TYPE_" + upper_case(row.name), static_cast<std::int64_t>(row.type));
    }
    return list;
  }();
  return all;
}

/// Compares what both know; says how many that was.
std::size_t compare(names const& theirs) {
  std::size_t compared = 0;
  for (auto const& [name, number] : ours()) {
    auto const found = theirs.find(name);
    if (found == theirs.end()) continue;
    ++compared;
    BOOST_TEST(found->second == number, name << " is " << found->second << ", and not " << number);
  }
  return compared;
}

/// Map types of theirs that bpfmap has no row for. (Two names mark old types as deprecated.)
std::set<std::string> unknown_types(names const& theirs) {
  std::set<std::string> unknown;
  for (auto const& [name, number] : theirs) {
    if (name.starts_with("BPF_MAP_TYPE_") && !name.ends_with("_DEPRECATED") && !ours().contains(name)) {
      unknown.insert(name);
    }
  }
  return unknown;
}

names header_names() {
  names list;
  for (auto const& [name, number] : test::kernel_header_names) list.emplace(name, number);
  return list;
}

/// Every enumerator of the running kernel's that begins with BPF_.
names const& kernel_names() {
  static names const all = [] {
    names list;
    std::unique_ptr<btf, decltype(&btf__free)> const types(btf__load_vmlinux_btf(), &btf__free);
    if (types == nullptr) return list;
    for (std::uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
      btf_type const* const type = btf__type_by_id(types.get(), id);
      if (!btf_is_enum(type)) continue;
      auto const* const values = btf_enum(type);
      for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
        std::string_view const name = btf__name_by_offset(types.get(), values[i].name_off);
        if (name.starts_with("BPF_")) list.emplace(name, values[i].val);
      }
    }
    return list;
  }();
  return all;
}

boost::test_tools::assertion_result kernel_has_btf(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result result(!kernel_names().empty());
  if (!result) result.message() << "the running kernel has no BTF that libbpf can read";
  return result;
}

kernel_version running_kernel() {
  utsname system{};
  uname(&system);
  unsigned major = 0;
  unsigned minor = 0;
  std::sscanf(system.release, "%u.%u", &major, &minor);
  return {static_cast<std::uint16_t>(major), static_cast<std::uint16_t>(minor)};
}

namespace bpf = detail::bpf;
constexpr bool same(bpf::instruction a, bpf::instruction b) {
  return a.code == b.code && a.dst_reg == b.dst_reg && a.src_reg == b.src_reg && a.off == b.off && a.imm == b.imm;
}
// The encodings of Documentation/bpf/standardization/instruction-set.rst.
static_assert(same(bpf::move(bpf::reg::r6, bpf::reg::r1), {0xbf, 6, 1, 0, 0}));
static_assert(same(bpf::move(bpf::reg::r0, -1), {0xb7, 0, 0, 0, -1}));
static_assert(same(bpf::load_map(bpf::reg::r1, 5)[0], {0x18, 1, 1, 0, 5}));
static_assert(same(bpf::load_map(bpf::reg::r1, 5)[1], {0, 0, 0, 0, 0}));
static_assert(same(bpf::load_map_value(bpf::reg::r1, 5, 64)[0], {0x18, 1, 2, 0, 5}));
static_assert(same(bpf::load_map_value(bpf::reg::r1, 5, 64)[1], {0, 0, 0, 0, 64}));
static_assert(same(bpf::load(bpf::reg::r1, bpf::reg::r6, 4, 1), {0x71, 1, 6, 4, 0}));
static_assert(same(bpf::load(bpf::reg::r1, bpf::reg::r6, 4, 2), {0x69, 1, 6, 4, 0}));
static_assert(same(bpf::load(bpf::reg::r1, bpf::reg::r6, 4, 4), {0x61, 1, 6, 4, 0}));
static_assert(same(bpf::load(bpf::reg::r1, bpf::reg::r6, 8, 8), {0x79, 1, 6, 8, 0}));
static_assert(same(bpf::store(bpf::reg::r6, 8, bpf::reg::r0, 8), {0x7b, 6, 0, 8, 0}));
static_assert(same(bpf::store(bpf::reg::r6, 8, bpf::reg::r0, 1), {0x73, 6, 0, 8, 0}));
static_assert(same(bpf::compute(bpf::alu::add, bpf::reg::r1, -1), {0x07, 1, 0, 0, -1}));
static_assert(same(bpf::compute(bpf::alu::subtract, bpf::reg::r1, bpf::reg::r2), {0x1f, 1, 2, 0, 0}));
static_assert(same(bpf::compute(bpf::alu::shift_right_signed, bpf::reg::r0, 32), {0xc7, 0, 0, 0, 32}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::at_least, bpf::reg::r2, 3), {0x3d, 1, 2, 3, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::signed_less, -5, 3), {0xc5, 1, 0, 3, -5}));
static_assert(same(bpf::skip(7), {0x05, 0, 0, 7, 0}));
static_assert(same(bpf::skip_if_too_long(7), {0xe5, 0, 0, 7, 0}));
static_assert(same(bpf::call(bpf::helper::map_lookup_elem), {0x85, 0, 0, 0, 1}));
static_assert(same(bpf::load_constant(bpf::reg::r2, 0x0000000700000009)[0], {0x18, 2, 0, 0, 9}));
static_assert(same(bpf::load_constant(bpf::reg::r2, 0x0000000700000009)[1], {0, 0, 0, 0, 7}));
static_assert(same(bpf::store(bpf::reg::r10, static_cast<std::uint32_t>(-8), bpf::reg::r0, 8), {0x7b, 10, 0, -8, 0}));
static_assert(same(bpf::compute(bpf::alu::multiply, bpf::reg::r1, bpf::reg::r2), {0x2f, 1, 2, 0, 0}));
static_assert(same(bpf::compute(bpf::alu::bit_or, bpf::reg::r1, bpf::reg::r2), {0x4f, 1, 2, 0, 0}));
static_assert(same(bpf::compute(bpf::alu::bit_and, bpf::reg::r1, bpf::reg::r2), {0x5f, 1, 2, 0, 0}));
static_assert(same(bpf::compute(bpf::alu::shift_left, bpf::reg::r1, 32), {0x67, 1, 0, 0, 32}));
static_assert(same(bpf::compute(bpf::alu::shift_right, bpf::reg::r1, 32), {0x77, 1, 0, 0, 32}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::equal, 0, 5), {0x15, 1, 0, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::not_equal, 0, 5), {0x55, 1, 0, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::greater, bpf::reg::r2, 5), {0x2d, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::at_least, bpf::reg::r2, 5), {0x3d, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::less, bpf::reg::r2, 5), {0xad, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::at_most, bpf::reg::r2, 5), {0xbd, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::signed_greater, bpf::reg::r2, 5), {0x6d, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::signed_at_least, bpf::reg::r2, 5), {0x7d, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::signed_less, bpf::reg::r2, 5), {0xcd, 1, 2, 5, 0}));
static_assert(same(bpf::skip_if(bpf::reg::r1, bpf::when::signed_at_most, bpf::reg::r2, 5), {0xdd, 1, 2, 5, 0}));
static_assert(same(bpf::call(bpf::helper::map_lookup_percpu_elem), {0x85, 0, 0, 0, 195}));
static_assert(same(bpf::call_kernel_function(1234), {0x85, 0, 2, 0, 1234}));
static_assert(same(bpf::exit(), {0x95, 0, 0, 0, 0}));
static_assert(sizeof(bpf::instruction) == 8);

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_numbers)

BOOST_AUTO_TEST_CASE(they_are_the_system_headers_as_far_as_it_knows_them) {
  names const theirs = header_names();
  // Linux 5.15 has 30 map types and 13 flags.
  BOOST_TEST(compare(theirs) >= 45U);
  for (std::string const& name : unknown_types(theirs)) {
    BOOST_TEST_MESSAGE("<linux/bpf.h> has " << name << ", and bpfmap has not");
  }
}

BOOST_AUTO_TEST_CASE(they_are_the_running_kernels, *boost::unit_test::precondition(kernel_has_btf)) {
  BOOST_TEST(compare(kernel_names()) >= 40U);
  for (std::string const& name : unknown_types(kernel_names())) {
    BOOST_TEST_MESSAGE("the running kernel has " << name << ", and bpfmap has not");
  }
}

BOOST_AUTO_TEST_CASE(a_type_that_the_running_kernel_is_new_enough_for_is_in_its_btf,
                     *boost::unit_test::precondition(kernel_has_btf)) {
  for (map_traits const& row : all_traits()) {
    if (row.since > running_kernel()) continue;
    BOOST_TEST(kernel_names().contains("BPF_MAP_TYPE_" + upper_case(row.name)), row.name);
  }
}

BOOST_AUTO_TEST_CASE(names_of_types_are_libbpfs) {
  for (map_traits const& row : all_traits()) {
    char const* const name = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(row.type));
    if (name != nullptr) BOOST_TEST(row.name == name);
  }
}

BOOST_AUTO_TEST_CASE(texts_of_errors_are_for_libbpfs_numbers_and_no_others) {
  BOOST_TEST(detail::libbpf_first_error == static_cast<int>(__LIBBPF_ERRNO__START));
  BOOST_TEST(std::size(detail::libbpf_errors) == static_cast<std::size_t>(__LIBBPF_ERRNO__END - __LIBBPF_ERRNO__START));
}

BOOST_AUTO_TEST_SUITE_END()
