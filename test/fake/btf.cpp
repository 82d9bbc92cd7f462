// SPDX-License-Identifier: MIT
// Looking a function up in BTF that is right, cut short, corrupt or hostile, and in the running kernel's.
#include "btf_builder.hpp"
#include "ring.hpp"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace ut = boost::unit_test;

namespace {

using bpfmap::detail::btf_view;

std::uint32_t find_kernel_function(char const* path, std::string_view name) {
  std::error_code ec;
  std::uint32_t const found = bpfmap::detail::find_kernel_function(path, name, ec);
  BOOST_TEST((found == 0) == static_cast<bool>(ec));
  return found;
}
using test::btf_builder;
using test::file_header;
using test::type_kind;

// In memory of exactly this size, so that a step outside is found.
std::uint32_t found_in(std::string const& bytes, std::string_view name, std::uint32_t kind = btf_view::kind_func) {
  std::unique_ptr<std::byte[]> const room(new std::byte[bytes.size()]);
  std::memcpy(room.get(), bytes.data(), bytes.size());
  return btf_view({room.get(), bytes.size()}).find(name, kind);
}

std::optional<std::uint32_t> place_in(std::string const& bytes, std::string_view structure, std::string_view member) {
  std::unique_ptr<std::byte[]> const room(new std::byte[bytes.size()]);
  std::memcpy(room.get(), bytes.data(), bytes.size());
  return btf_view({room.get(), bytes.size()}).offset_of(structure, member);
}

// Types of every kind, the functions "first" and "sought", and more types.
struct sample {
  btf_builder types;
  std::uint32_t first;
  std::uint32_t sought;

  sample() {
    types.one_of_each_kind();
    first = types.function("first");
    types.one_of_each_kind();
    sought = types.function("sought");
    types.one_of_each_kind();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kernel_btf, test::ring)

BOOST_AUTO_TEST_CASE(finds_where_a_member_of_a_struct_lies) {
  btf_builder types;
  types.one_of_each_kind();
  types.add(type_kind::fwd, "trie");
  types.structure("trie", {{"other", 8}});
  types.structure("trie", {{"map", 0}, {"count", 64 * 8}});
  types.structure("flags", {{"wide", 3U << 24 | 32}, {"whole", 96}}, true);
  std::string const bytes = types.bytes();
  BOOST_TEST((place_in(bytes, "trie", "count") == 64U));
  BOOST_TEST((place_in(bytes, "trie", "map") == 0U));
  BOOST_TEST((place_in(bytes, "trie", "other") == 1U), "a name may stand for several structs");
  BOOST_TEST((place_in(bytes, "flags", "whole") == 12U));
  BOOST_TEST(!place_in(bytes, "flags", "wide").has_value(), "a bit field has no place in bytes");
  BOOST_TEST(!place_in(bytes, "trie", "none").has_value());
  BOOST_TEST(!place_in(bytes, "none", "count").has_value());
  BOOST_TEST(!place_in(bytes, "either", "map").has_value());
}

BOOST_AUTO_TEST_CASE(does_not_look_for_members_behind_the_end) {
  btf_builder types;
  types.structure("trie", {{"map", 0}, {"count", 64}});
  std::string const whole = types.bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    BOOST_TEST(!place_in(whole.substr(0, length), "trie", "count").has_value(), length << " bytes");
  }
  // A struct that claims more members than there are bytes.
  file_header head;
  head.type_length = static_cast<std::uint32_t>(types.type_bytes()) - 12;
  head.string_offset = static_cast<std::uint32_t>(types.type_bytes());
  head.string_length = static_cast<std::uint32_t>(whole.size() - sizeof head - types.type_bytes());
  BOOST_TEST((place_in(types.bytes(head), "trie", "map") == 0U));
  BOOST_TEST(!place_in(types.bytes(head), "trie", "count").has_value());
}

BOOST_AUTO_TEST_CASE(finds_a_function_behind_types_of_every_kind) {
  sample const all;
  BOOST_TEST(found_in(all.types.bytes(), "first") == all.first);
  BOOST_TEST(found_in(all.types.bytes(), "sought") == all.sought);
  BOOST_TEST(found_in(all.types.bytes(), "none") == 0U);
  BOOST_TEST(found_in(all.types.bytes(), "int", static_cast<std::uint32_t>(type_kind::int_)) == 1U);
  BOOST_TEST(found_in(all.types.bytes(), "wide", static_cast<std::uint32_t>(type_kind::enum64)) == 18U);
}

BOOST_AUTO_TEST_CASE(finds_it_behind_each_kind_alone) {
  struct one {
    type_kind kind;
    std::uint16_t members;
    std::initializer_list<std::uint32_t> extra;
  };
  for (auto const& [kind, members, extra] : std::initializer_list<one>{{type_kind::int_, 0, {32}},
                                                                       {type_kind::ptr, 0, {}},
                                                                       {type_kind::array, 0, {1, 1, 1}},
                                                                       {type_kind::struct_, 0, {}},
                                                                       {type_kind::struct_, 1, {1, 1, 1}},
                                                                       {type_kind::union_, 2, {1, 1, 1, 1, 1, 1}},
                                                                       {type_kind::enum_, 3, {1, 1, 1, 1, 1, 1}},
                                                                       {type_kind::fwd, 0, {}},
                                                                       {type_kind::typedef_, 0, {}},
                                                                       {type_kind::volatile_, 0, {}},
                                                                       {type_kind::const_, 0, {}},
                                                                       {type_kind::restrict_, 0, {}},
                                                                       {type_kind::func, 1, {}},
                                                                       {type_kind::func_proto, 2, {1, 1, 1, 1}},
                                                                       {type_kind::var, 0, {1}},
                                                                       {type_kind::datasec, 1, {1, 1, 1}},
                                                                       {type_kind::float_, 0, {}},
                                                                       {type_kind::decl_tag, 0, {1}},
                                                                       {type_kind::type_tag, 0, {}},
                                                                       {type_kind::enum64, 2, {1, 1, 1, 1, 1, 1}}}) {
    BOOST_TEST_CONTEXT("kind " << static_cast<int>(kind) << " with " << members << " members") {
      btf_builder types;
      types.add(kind, "other", members, extra);
      types.function("sought");
      BOOST_TEST(found_in(types.bytes(), "sought") == 2U);
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_the_first_of_that_name_and_kind_and_no_part_of_a_name) {
  btf_builder types;
  types.add(type_kind::typedef_, "sought");
  types.function("sough");
  types.function("sought_after");
  types.function("xsought");
  types.function("sought");
  types.function("sought");
  BOOST_TEST(found_in(types.bytes(), "sought") == 5U);
  BOOST_TEST(found_in(types.bytes(), "sought", static_cast<std::uint32_t>(type_kind::typedef_)) == 1U);
  BOOST_TEST(found_in(types.bytes(), "") == 0U);
}

BOOST_AUTO_TEST_CASE(finds_nothing_in_what_is_cut_short_before_it) {
  sample const all;
  std::string const whole = all.types.bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    BOOST_REQUIRE(found_in(whole.substr(0, length), "sought") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(of_which_the_types_are_cut_short_ends_at_the_cut) {
  sample const all;
  for (std::uint32_t length = 0; length <= all.types.type_bytes(); ++length) {
    file_header head;
    head.type_length = length;
    head.string_offset = static_cast<std::uint32_t>(all.types.type_bytes());
    head.string_length = static_cast<std::uint32_t>(all.types.bytes().size() - sizeof head - all.types.type_bytes());
    std::uint32_t const id = found_in(all.types.bytes(head), "sought");
    BOOST_REQUIRE((id == 0 || id == all.sought));
  }
}

BOOST_AUTO_TEST_CASE(of_which_a_name_has_no_end_or_lies_outside_does_not_match) {
  btf_builder types;
  types.function("sought");
  file_header head;
  head.type_length = static_cast<std::uint32_t>(types.type_bytes());
  head.string_offset = head.type_length;
  for (std::uint32_t length = 0; length < 8; ++length) {
    head.string_length = length;  // without the null character at least
    BOOST_TEST(found_in(types.bytes(head), "sought") == 0U);
  }
  head.string_length = 8;
  BOOST_TEST(found_in(types.bytes(head), "sought") == 1U);
  std::string bytes = types.bytes(head);
  for (std::uint32_t const offset : {8U, 9U, 0x7fffffffU, 0xffffffffU}) {
    std::memcpy(bytes.data() + sizeof head, &offset, sizeof offset);
    BOOST_TEST(found_in(bytes, "sought") == 0U);
    BOOST_TEST(found_in(bytes, "") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(with_a_wrong_header_has_no_types) {
  sample const all;
  file_header right;
  std::memcpy(&right, all.types.bytes().data(), sizeof right);
  auto const with = [&](auto change) {
    file_header head = right;
    change(head);
    return found_in(all.types.bytes(head), "sought");
  };
  BOOST_TEST(with([](file_header&) {}) == all.sought);
  BOOST_TEST(with([](file_header& h) { h.magic = 0x9feb; }) == 0U);
  BOOST_TEST(with([](file_header& h) { h.magic = 0; }) == 0U);
  for (std::uint32_t const hostile : {0x7fffffffU, 0x80000000U, 0xfffffff0U, 0xffffffffU}) {
    BOOST_TEST(with([&](file_header& h) { h.length = hostile; }) == 0U);
    BOOST_TEST(with([&](file_header& h) { h.type_offset = hostile; }) == 0U);
    BOOST_TEST(with([&](file_header& h) { h.type_length = hostile; }) == 0U);
    BOOST_TEST(with([&](file_header& h) { h.string_offset = hostile; }) == 0U);
    BOOST_TEST(with([&](file_header& h) { h.string_length = hostile; }) == 0U);
    BOOST_TEST(with([&](file_header& h) { h.type_offset = h.type_length = hostile; }) == 0U);
  }
  BOOST_TEST(with([](file_header& h) { h.string_length = 0; }) == 0U);
  BOOST_TEST(with([](file_header& h) { h.type_length = 0; }) == 0U);
}

BOOST_AUTO_TEST_CASE(with_a_longer_header_of_a_later_version_is_read) {
  btf_builder types;
  types.function("sought");
  file_header head;
  head.length = sizeof head + 16;
  head.type_length = static_cast<std::uint32_t>(types.type_bytes());
  head.string_offset = head.type_length;
  head.string_length = 8;
  std::string bytes = types.bytes(head);
  bytes.insert(sizeof head, 16, '\7');
  BOOST_TEST(found_in(bytes, "sought") == 1U);
}

BOOST_AUTO_TEST_CASE(ends_at_a_kind_that_it_does_not_know) {
  for (unsigned kind = 0; kind < 32; ++kind) {
    if (kind >= 1 && kind <= 19) continue;
    btf_builder types;
    types.function("before");
    types.add(static_cast<type_kind>(kind), "");
    types.function("sought");
    BOOST_TEST(found_in(types.bytes(), "sought") == 0U);
    BOOST_TEST(found_in(types.bytes(), "before") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(survives_types_that_claim_more_members_than_there_are_bytes) {
  for (type_kind const kind : {type_kind::struct_, type_kind::union_, type_kind::enum_, type_kind::func_proto,
                               type_kind::datasec, type_kind::enum64}) {
    btf_builder types;
    types.add(kind, "large", 0xffff);
    types.function("sought");
    BOOST_TEST(found_in(types.bytes(), "sought") == 0U);
  }
}

// What is found in it does not matter: that nothing outside is read does.
BOOST_AUTO_TEST_CASE(survives_40000_random_changes) {
  sample const all;
  std::string const whole = all.types.bytes();
  std::mt19937 random(20261120);  // NOLINT: the same changes every time
  constexpr std::uint32_t extremes[] = {0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  unsigned found = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string bytes = whole;
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      auto const at = random() % bytes.size();
      switch (random() % 5) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
          break;
        case 2:
          bytes.resize(std::max<std::size_t>(at, 1));
          break;
        case 3:
          bytes.insert(at, random() % 20, static_cast<char>(random()));
          break;
        default:
          if (at + 4 <= bytes.size()) std::memcpy(bytes.data() + at / 4 * 4, &extremes[random() % 8], 4);
      }
    }
    if (found_in(bytes, "sought") != 0) ++found;
  }
  BOOST_TEST(found > 0U);      // some changes leave it in place
  BOOST_TEST(found < 40000U);  // and some do not
}

BOOST_AUTO_TEST_CASE(in_a_file_that_cannot_be_read_has_no_functions) {
  auto const path = (std::filesystem::temp_directory_path() / "bpfmap-no-such-btf").string();
  BOOST_TEST(find_kernel_function(path.c_str(), "sought") == 0U);
  BOOST_TEST(find_kernel_function("/", "sought") == 0U);
  BOOST_TEST(find_kernel_function("/dev/null", "sought") == 0U);
  BOOST_TEST(find_kernel_function("/dev/zero", "sought") == 0U);
  fake_files::refuse(path, EACCES);
  BOOST_TEST(find_kernel_function(path.c_str(), "sought") == 0U);
  for (char const* text : {"", "x", "not BTF at all, but longer than a header"}) {
    fake_files::set(path, text);
    BOOST_TEST(find_kernel_function(path.c_str(), "sought") == 0U);
  }
  sample const all;
  fake_files::set(path, all.types.bytes());
  BOOST_TEST(find_kernel_function(path.c_str(), "sought") == all.sought);
  heap::limit const little(64);
  BOOST_TEST(find_kernel_function(path.c_str(), "sought") == 0U);
}

BOOST_AUTO_TEST_CASE(of_the_fake_kernel_has_the_function_that_counts) {
  BOOST_TEST(find_kernel_function(bpfmap::detail::vmlinux_btf, "bpf_map_sum_elem_count") ==
             fake_files::count_function_id);
}

namespace {

std::FILE* bpftool() {
  for (char const* path : {"/usr/sbin/bpftool", "/usr/bin/bpftool", "/usr/local/sbin/bpftool"}) {
    if (::access(path, X_OK) == 0)
      return ::popen((std::string(path) + " btf dump file " + fake_files::vmlinux).c_str(), "r");
  }
  return nullptr;
}

boost::test_tools::assertion_result can_compare(ut::test_unit_id) {
  boost::test_tools::assertion_result result(::access(fake_files::vmlinux, R_OK) == 0);
  if (!result) {
    result.message() << "the running kernel shows no BTF";
    return result;
  }
  if (std::FILE* const tool = bpftool()) {
    char line[8];
    result = std::fgets(line, sizeof line, tool) != nullptr;
    ::pclose(tool);
  } else {
    result = false;
  }
  if (!result) result.message() << "there is no bpftool to compare with";
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_the_running_kernel_is_read_as_bpftool_reads_it, *ut::precondition(can_compare)) {
  fake_files::real(fake_files::vmlinux);
  std::map<std::string, std::uint32_t> functions;
  std::FILE* const tool = bpftool();
  char line[4096];
  while (std::fgets(line, sizeof line, tool) != nullptr) {
    std::uint32_t id = 0;
    char name[512];
    if (std::sscanf(line, "[%u] FUNC '%511[^']'", &id, name) == 2) functions.emplace(name, id);
  }
  BOOST_TEST(::pclose(tool) == 0);
  BOOST_TEST(functions.size() > 1000U);
  std::size_t at = 0;
  std::size_t compared = 0;
  for (auto const& [name, id] : functions) {
    if (at++ % 500 != 0 && name != "bpf_map_sum_elem_count") continue;
    BOOST_TEST(find_kernel_function(fake_files::vmlinux, name) == id, name);
    ++compared;
  }
  BOOST_TEST_MESSAGE(compared << " of " << functions.size() << " functions compared");
  BOOST_TEST(find_kernel_function(fake_files::vmlinux, "no_such_function_in_any_kernel") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
