// SPDX-License-Identifier: MIT
// The variables of BPF programs, as the running kernel shows them: in every section, of every kind, of one name.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

#include <sys/mman.h>

#include <bpf/libbpf.h>

namespace ut = boost::unit_test;
using bpfmap::object;

namespace {

struct pair {
  std::uint32_t first, second;
};
enum class color : std::uint32_t { red, green };
enum class signed_color : std::int32_t { red, green };

// Without the program that takes the lock, which older kernels refuse.
object loaded_without_lock() {
  auto object = object::open(test::object_path("statics"));
  object.autoload_only({"counts"});
  object.load();
  return object;
}

void run(object const& object, char const* program) {
  std::array<std::byte, 64> const packet{};
  object.program(program).run({.data_in = packet});
}

std::string said() { return std::string(bpfmap::last_error_text()); }

template <class T>
std::string refusal(object& object, char const* name) {
  std::error_code ec;
  BOOST_TEST(object.global<T>(name, ec) == nullptr, name);
  BOOST_TEST(ec.value() == EINVAL, name);
  return said();
}

// Objects that are linked into one.
object linked(std::initializer_list<char const*> names) {
  bpfmap::unique_fd const file(::memfd_create("linked", MFD_CLOEXEC));
  BOOST_REQUIRE(!!file);
  std::string const path = "/proc/self/fd/" + std::to_string(file.get());
  ::bpf_linker* const linker = ::bpf_linker__new(path.c_str(), nullptr);
  BOOST_REQUIRE(linker != nullptr);
  for (char const* const name : names) {
    BOOST_REQUIRE(::bpf_linker__add_file(linker, test::object_path(name).c_str(), nullptr) == 0);
  }
  BOOST_REQUIRE(::bpf_linker__finalize(linker) == 0);
  ::bpf_linker__free(linker);
  return object::open(path);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(globals, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(in_sections_of_static_variables_alone_are_shown_after_load) {
  auto object = loaded_without_lock();
  auto const& hits = object.global<std::uint64_t>("hits");
  run(object, "counts");
  run(object, "counts");
  BOOST_TEST(hits == 2U);
  BOOST_TEST(object.global<std::uint32_t const>("step") == 1U);
}

BOOST_AUTO_TEST_CASE(beside_a_lock_are_not_shown_and_an_error_says_why, *ut::precondition(test::since{{6, 2}})) {
  auto object = test::loaded("statics");
  std::error_code ec;
  BOOST_TEST(object.global<std::uint64_t>("guarded", ec) == nullptr);
  BOOST_TEST(ec.value() == EOPNOTSUPP);
  BOOST_TEST(test::has(said(), "locks, timers or lists"), said());
  run(object, "counts_guarded");
}

BOOST_AUTO_TEST_CASE(of_every_kind_are_what_they_are) {
  auto object = object::open(test::object_path("statics"));
  BOOST_TEST(object.global<float>("ratio") == 1.5F);
  BOOST_TEST((object.global<std::array<double, 3>>("ratios")[2] == 3.0));
  BOOST_TEST(object.global<std::int32_t>("balance") == -1);
  BOOST_TEST(object.global<pair>("pair").second == 2U);
  BOOST_TEST((object.global<color>("color") == color::green));
  BOOST_TEST((object.global<signed_color>("color") == signed_color::green));
  BOOST_TEST((object.global<std::array<char, 4>>("label")[2] == 'c'));
  BOOST_TEST((object.global<std::array<std::byte, 8>>("pair")[4] == std::byte{2}));
}

BOOST_AUTO_TEST_CASE(of_another_kind_are_refused_with_both_kinds) {
  auto object = object::open(test::object_path("statics"));
  BOOST_TEST(test::has(refusal<std::uint32_t>(object, "ratio"),
                       "it is a floating-point number of 4 bytes, and the type is an unsigned integer of 4 bytes"));
  BOOST_TEST(test::has(refusal<float>(object, "balance"), "a signed integer of 4 bytes"));
  BOOST_TEST(test::has(refusal<std::uint32_t>(object, "balance"), "the type is an unsigned integer"));
  BOOST_TEST(test::has(refusal<std::uint64_t>(object, "pair"), "a struct or union of 8 bytes"));
  BOOST_TEST(test::has(refusal<std::uint32_t>(object, "label"), "an array"));
  BOOST_TEST(
      test::has(refusal<std::array<std::uint64_t, 3>>(object, "ratios"), "each element a floating-point number"));
  BOOST_TEST(test::has(refusal<std::uint16_t>(object, "balance"), "it is"));
}

BOOST_AUTO_TEST_CASE(of_one_name_are_refused_unless_one_is_not_static) {
  auto object = linked({"statics", "statics_too"});
  object.autoload_only({"counts", "counts_too"});
  object.load();
  std::string const said = refusal<std::uint64_t>(object, "hits");
  BOOST_TEST(test::has(said, "2 static variables of this name"), said);
  BOOST_TEST(test::has(said, "give them different names"), said);
  run(object, "counts_too");
  BOOST_TEST(object.global<std::int32_t>("balance") == -1);  // not the static one, which is 100 now
}

BOOST_AUTO_TEST_CASE(of_a_misspelt_name_are_answered_by_the_nearest_names) {
  auto object = object::open(test::object_path("statics"));
  std::error_code ec;
  BOOST_TEST(object.global<float>("ration", ec) == nullptr);
  BOOST_TEST(ec.value() == ENOENT);
  BOOST_TEST(test::has(said(), "they have ratio, ratios"), said());
}

BOOST_AUTO_TEST_CASE(are_not_given_after_a_failed_load) {
  auto object = object::open(test::object_path("refused"));
  std::error_code ec;
  object.load(ec);
  BOOST_TEST(!!ec);
  BOOST_TEST(!object.loaded());
  BOOST_TEST(object.global<std::uint64_t>("seen", ec) == nullptr);
  BOOST_TEST(ec.value() == EBADF);
  BOOST_TEST(test::has(said(), "load() has failed"), said());
}

BOOST_AUTO_TEST_SUITE_END()
