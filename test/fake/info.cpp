// SPDX-License-Identifier: MIT
// What bpfmap says of a map, of types and flags that it does not know, and on kernels that tell more or less.
#include "ring.hpp"

#include <cstring>

namespace {

using bpfmap::map_handle;
using bpfmap::map_info;
using bpfmap::map_type;
using fake::call;
using test::has;

map_handle handle_of(fake::shape const& made) {
  int const fd = fake::make_map(made);
  auto handle = map_handle::from_fd(fd);
  ::close(fd);
  return handle;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(info, test::ring)

BOOST_AUTO_TEST_CASE(has_every_field_that_the_kernel_tells) {
  auto const map = handle_of({.type = 30,
                              .key_size = 0,
                              .value_size = 24,
                              .max_entries = 99,
                              .flags = 0x86,
                              .name = "fifteen_letters",
                              .map_extra = 7,
                              .btf_fd = 11,
                              .btf_key_type_id = 12,
                              .btf_value_type_id = 13});
  map_info const& about = map.info();
  BOOST_TEST(about.type == map_type::bloom_filter);
  BOOST_TEST(about.id == fake::id_of(map.fd()));
  BOOST_TEST(about.key_size == 0U);
  BOOST_TEST(about.value_size == 24U);
  BOOST_TEST(about.max_entries == 99U);
  BOOST_TEST(about.flags == 0x86U);
  BOOST_TEST(about.map_extra == 7U);
  BOOST_TEST(about.btf_id == 11U);
  BOOST_TEST(about.btf_key_type_id == 12U);
  BOOST_TEST(about.btf_value_type_id == 13U);
  BOOST_TEST(about.name() == "fifteen_letters");
  BOOST_TEST(map.name() == "fifteen_letters");
  BOOST_TEST(map.max_size() == 99U);
}

BOOST_AUTO_TEST_CASE(of_a_name_without_its_null_character_ends_at_16) {
  map_info about;
  std::memset(about.name_chars, 'x', sizeof about.name_chars);
  BOOST_TEST(about.name() == "xxxxxxxxxxxxxxxx");
}

BOOST_AUTO_TEST_CASE(is_read_from_older_and_newer_kernels) {
  // 40: Linux 4.13; 80: before map_extra; 104: 6.18.
  for (std::uint32_t const size : {40U, 56U, 80U, 88U, 96U, 104U, 400U}) {
    BOOST_TEST_CONTEXT("a kernel that tells " << size << " bytes") {
      fake::set_kernel_info_bytes(size);
      auto const map = handle_of({.type = 1, .max_entries = 5, .map_extra = 7});
      BOOST_TEST(map.info().max_entries == 5U);
      BOOST_TEST(map.info().map_extra == (size >= 88 ? 7U : 0U));
      BOOST_TEST(map.name() == "flows");
    }
  }
}

BOOST_AUTO_TEST_CASE(of_a_type_that_bpfmap_does_not_know_is_read_all_the_same) {
  for (std::uint32_t const type : {36U, 99U, 0x7fffffffU, 0xffffffffU}) {
    BOOST_TEST_CONTEXT("type " << type) {
      auto const map = handle_of({.type = type, .key_size = 7, .value_size = 9, .name = "newer"});
      BOOST_TEST(static_cast<std::uint32_t>(map.info().type) == type);
      BOOST_TEST(to_string(map.info().type) == "unknown");
      BOOST_TEST((traits_of(map.info().type).type == map_type::unspec));
      BOOST_TEST(map.description() == "'newer' (type number " + std::to_string(type) + ", key 7, value 9)");
      std::error_code ec;
      fake::fail(call::freeze, 524);
      map.freeze(ec);
      BOOST_TEST(ec.value() == 524);
      fake::fail(call::pin, EPERM);
      BOOST_TEST(has(test::message_of([&] { map.pin("/p"); }), "pin on 'newer' (type number "));
      BOOST_TEST(!bpfmap::first_kernel(map.info().type, &bpfmap::command_support::lookup).has_value());
      fake::reset();
    }
  }
}

BOOST_AUTO_TEST_CASE(of_every_known_type_is_read) {
  for (auto const& row : bpfmap::all_traits()) {
    auto const map = handle_of({.type = static_cast<std::uint32_t>(row.type)});
    BOOST_TEST(map.info().type == row.type);
    BOOST_TEST(has(map.description(), std::string("(") + std::string(row.name) + ", key"));
  }
}

BOOST_AUTO_TEST_CASE(read_from_what_is_no_map_is_an_error) {
  int const program = fake::make_program();
  std::error_code ec;
  (void)map_info::read(program, ec);
  BOOST_TEST(ec.value() == EINVAL);
  ::close(program);
  fake::fail(call::map_info, E2BIG);
  int const map = fake::make_map({});
  (void)map_info::read(map, ec);
  BOOST_TEST(ec.value() == E2BIG);
  (void)map_info::read(map, ec);
  BOOST_TEST(!ec);
  ::close(map);
}

// "@errors EBADF `fd` is not open": the kernel's own answer to this one command is EBADFD.
BOOST_AUTO_TEST_CASE(read_from_no_descriptor_is_ebadf) {
  std::error_code ec;
  (void)map_info::read(-1, ec);
  BOOST_TEST((ec == std::errc::bad_file_descriptor), ec.value() << ": " << ec.message());
}

BOOST_AUTO_TEST_CASE(names_flags_and_leaves_what_it_does_not_know_as_a_number) {
  using bpfmap::detail::flag_names;
  BOOST_TEST(flag_names(0) == "none");
  BOOST_TEST(flag_names(0x401) == "no_prealloc|mmapable");
  BOOST_TEST(flag_names(1U << 30) == "1073741824");
  BOOST_TEST(flag_names(1U | 1U << 30) == "no_prealloc|1073741824");
}

BOOST_AUTO_TEST_CASE(that_fits_has_no_differences) {
  auto const map = test::filled<test::flows>(1);
  BOOST_TEST(test::flows::differences(map.info()).empty());
  BOOST_TEST((bpfmap::hash<std::uint8_t, std::uint64_t>::differences(map.info()) == "key size is 4, expected 1"));
}

BOOST_AUTO_TEST_SUITE_END()
