// SPDX-License-Identifier: MIT
// core/version.hpp and core/map_type.hpp: numbers, flags, and kernel versions as values.

#include <bpfmap/core/map_type.hpp>

#include "print.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <string_view>
#include <type_traits>

namespace {

using bpfmap::kernel_version;
using bpfmap::map_type;

// What crosses bpf(2) is 32 bits wide.
static_assert(std::same_as<std::underlying_type_t<map_type>, std::uint32_t>);
static_assert(map_type{} == map_type::unspec);
static_assert(static_cast<std::size_t>(map_type::rhash) == bpfmap::map_type_count);

static_assert(kernel_version{5, 6} < kernel_version{5, 14});
static_assert(kernel_version{4, 20} < kernel_version{5, 0});
static_assert(kernel_version{} < kernel_version{3, 19});
static_assert(kernel_version{6, 6} == kernel_version{6, 6});
static_assert(std::is_trivially_copyable_v<kernel_version> && sizeof(kernel_version) == 4);

static_assert(bpfmap::version.major == 0 && bpfmap::version.minor >= 1);
static_assert(BPFMAP_EXCEPTIONS == 1);

namespace flags = bpfmap::map_flags;
constexpr std::array all_flags{
    flags::no_prealloc,      flags::no_common_lru,  flags::numa_node,     flags::rdonly,       flags::wronly,
    flags::stack_build_id,   flags::zero_seed,      flags::rdonly_prog,   flags::wronly_prog,  flags::clone,
    flags::mmapable,         flags::preserve_elems, flags::inner_map,     flags::link,         flags::path_fd,
    flags::vtype_btf_obj_fd, flags::token_fd,       flags::segv_on_fault, flags::no_user_conv, flags::rb_overwrite,
};

namespace elem = bpfmap::elem_flags;
static_assert(elem::any == 0 && (elem::noexist | elem::exist | elem::lock) == 7);
static_assert((elem::noexist | elem::exist | elem::lock | elem::cpu | elem::all_cpus) == 31);

}  // namespace

BOOST_AUTO_TEST_SUITE(map_type_hpp)

BOOST_AUTO_TEST_CASE(each_flag_is_a_bit_of_its_own_and_none_is_left_out) {
  std::uint32_t seen = 0;
  for (std::uint32_t const flag : all_flags) {
    BOOST_TEST(std::has_single_bit(flag));
    BOOST_TEST((seen & flag) == 0U);
    seen |= flag;
  }
  BOOST_TEST(seen == (1U << all_flags.size()) - 1);
}

BOOST_AUTO_TEST_SUITE_END()
