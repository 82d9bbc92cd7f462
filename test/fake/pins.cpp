// SPDX-License-Identifier: MIT
// pin, open_pinned and unpin; freeze and memory_usage.
#include "ring.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>

namespace {

using fake::call;
using test::flows;
using test::has;

constexpr int enotsupp = 524;

/// The fake ring, and a directory for pins.
struct with_folder : test::ring {
  std::string folder;

  with_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "bpfmap-fake-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  with_folder(with_folder const&) = delete;
  with_folder& operator=(with_folder const&) = delete;
  ~with_folder() { std::filesystem::remove_all(folder); }

  [[nodiscard]] std::string path(char const* name) const { return folder + "/" + name; }
};

template <class F>
int number_of(F&& f) {
  return test::code_of(std::forward<F>(f)).value();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pins, with_folder)

BOOST_AUTO_TEST_CASE(keep_a_map_to_be_opened_again) {
  auto const map = test::filled<flows>(3);
  BOOST_TEST(number_of([&](auto& ec) { map.pin(path("flows"), ec); }) == 0);
  auto const again = flows::open_pinned(path("flows"));
  BOOST_TEST(again.id() == map.id());
  BOOST_TEST(again.at(2) == 3U);
  BOOST_TEST(number_of([&](auto& ec) { again.unpin(path("flows"), ec); }) == 0);
  BOOST_TEST(!std::filesystem::exists(path("flows")));
  BOOST_TEST(again.at(2) == 3U);
}

BOOST_AUTO_TEST_CASE(report_what_is_wrong_with_the_path) {
  auto const map = test::filled<flows>(1);
  map.pin(path("flows"));
  auto const taken = test::error_of([&] { map.pin(path("flows")); });
  BOOST_TEST(taken.code.value() == EEXIST);
  BOOST_TEST(taken.text == "pin on 'flows' (hash, key 4, value 8): File exists [EEXIST]: path '" + path("flows") +
                               "' exists already");
  auto const nowhere = test::error_of([&] { map.pin(path("none/flows")); });
  BOOST_TEST(nowhere.code.value() == ENOENT);
  BOOST_TEST(has(nowhere.hint, "is in a directory that does not exist"));
  auto const empty = test::error_of([&] { map.pin(""); });
  BOOST_TEST(empty.code.value() == ENOENT);
  BOOST_TEST(number_of([&](auto& ec) { map.pin(std::string(5000, 'x'), ec); }) == ENAMETOOLONG);
  BOOST_TEST(has(test::message_of([&] { map.pin(std::string(5000, 'x')); }), "[ENAMETOOLONG]"));
}

BOOST_AUTO_TEST_CASE(report_every_errno_of_the_kernel) {
  auto const map = test::filled<flows>(1);
  for (int const number : {EPERM, EACCES, EROFS, EINVAL, ENOSPC, ENOMEM, ENOTDIR, ELOOP, enotsupp}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      fake::fail(call::pin, number, 2);
      BOOST_TEST(number_of([&](auto& ec) { map.pin(path("flows"), ec); }) == number);
      auto const error = test::error_of([&] { map.pin(path("flows")); });
      BOOST_TEST(error.operation == "pin");
      BOOST_TEST(error.map_name == "flows");
      BOOST_TEST(error.code.value() == number);
      BOOST_TEST(has(error.text, path("flows")));
    }
  }
  fake::fail(call::pin, EPERM);
  BOOST_TEST(
      has(test::message_of([&] { map.pin(path("flows")); }), "' is not in a bpffs (mount -t bpf bpffs /sys/fs/bpf)"));
}

BOOST_AUTO_TEST_CASE(that_cannot_be_opened_say_why) {
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::open_pinned(path("none"), ec); }) == ENOENT);
  BOOST_TEST(test::message_of([&] { (void)flows::open_pinned(path("none")); }) ==
             "open_pinned on '" + path("none") +
                 "' as hash: No such file or directory [ENOENT]: the path does not exist");
  BOOST_TEST(has(test::message_of([&] { (void)flows::open_pinned(path("none/flows")); }),
                 "[ENOENT]: the path is in a directory that does not exist"));
  std::ofstream(path("file")) << "text";
  BOOST_TEST(has(test::message_of([&] { (void)flows::open_pinned(path("file")); }),
                 "[EACCES]: the path is a file, but not in a bpffs: no pinned map"));
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::open_pinned(path("file"), ec); }) == EACCES);
  for (int const number : {EPERM, EACCES, EINVAL, EMFILE, ENOTDIR}) {
    fake::fail(call::get, number, 2);
    BOOST_TEST(number_of([&](auto& ec) { (void)flows::open_pinned(path("file"), ec); }) == number);
    auto const error = test::error_of([&] { (void)flows::open_pinned(path("file")); });
    BOOST_TEST(error.operation == "open_pinned");
    BOOST_TEST(error.code.value() == number);
    BOOST_TEST(has(error.text, path("file")));
  }
}

BOOST_AUTO_TEST_CASE(of_programs_are_no_maps) {
  int const program = fake::make_program();
  BOOST_TEST(bpf_obj_pin(program, path("program").c_str()) == 0);
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::open_pinned(path("program"), ec); }) == EINVAL);
  BOOST_TEST(
      has(test::message_of([&] { (void)flows::open_pinned(path("program")); }), "the descriptor is not a BPF map's"));
  auto const map = test::filled<flows>(1);
  BOOST_TEST(number_of([&](auto& ec) { map.unpin(path("program"), ec); }) == EINVAL);
  BOOST_TEST(std::filesystem::exists(path("program")));
  ::close(program);
}

BOOST_AUTO_TEST_CASE(of_another_shape_list_the_differences) {
  auto const map = test::map_with<test::table>({.name = "table"});
  map.pin(path("table"));
  auto const error = test::error_of([&] { (void)flows::open_pinned(path("table")); });
  BOOST_TEST(error.code.value() == EINVAL);
  BOOST_TEST(has(error.hint, "'table' (array, key 4, value 8) does not fit: type is array, expected hash"));
}

BOOST_AUTO_TEST_CASE(are_removed_only_if_they_are_this_maps) {
  auto const map = test::filled<flows>(1);
  auto const other = test::filled<flows>(1);
  other.pin(path("flows"));
  BOOST_TEST(number_of([&](auto& ec) { map.unpin(path("flows"), ec); }) == ESTALE);
  BOOST_TEST(std::filesystem::exists(path("flows")));
  BOOST_TEST(has(test::message_of([&] { map.unpin(path("flows")); }), "[ESTALE]"));
  BOOST_TEST(has(test::message_of([&] { map.unpin(path("flows")); }), "holds another map"));
  BOOST_TEST(number_of([&](auto& ec) { map.unpin(path("none"), ec); }) == ENOENT);
  BOOST_TEST(has(test::message_of([&] { map.unpin(path("none")); }), "does not exist"));
  fake::fail(call::get, EACCES);
  BOOST_TEST(number_of([&](auto& ec) { other.unpin(path("flows"), ec); }) == EACCES);
  fake::fail(call::map_info, EPERM);
  BOOST_TEST(number_of([&](auto& ec) { other.unpin(path("flows"), ec); }) == EPERM);
  BOOST_TEST(number_of([&](auto& ec) { other.unpin(path("flows"), ec); }) == 0);
}

BOOST_AUTO_TEST_CASE(that_vanish_while_they_are_removed_are_enoent) {
  auto const map = test::filled<flows>(1);
  map.pin(path("flows"));
  // Someone else removes it after it was looked at.
  fake::before(call::map_info, [&] { std::filesystem::remove(path("flows")); });
  BOOST_TEST(number_of([&](auto& ec) { map.unpin(path("flows"), ec); }) == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(freezing, test::ring)

BOOST_AUTO_TEST_CASE(ends_writing_and_not_reading) {
  auto const map = test::filled<flows>(2);
  BOOST_TEST(number_of([&](auto& ec) { map.freeze(ec); }) == 0);
  BOOST_TEST(map.at(1) == 2U);
  BOOST_TEST(map.size() == 2U);
  BOOST_TEST(has(test::message_of([&] { map.insert_or_assign(1, 1); }), "[EPERM]: the map is frozen"));
  BOOST_TEST(has(test::message_of([&] { map.erase(1); }), "[EPERM]: the map is frozen"));
  BOOST_TEST(has(test::message_of([&] { (void)map.extract(1); }), "[EPERM]: the map is frozen"));
}

BOOST_AUTO_TEST_CASE(twice_or_while_mapped_or_with_a_lock_is_an_error_that_says_why) {
  struct expected {
    int number;
    char const* hint;
  };
  auto const map = test::filled<flows>(2);
  for (auto const& [number, hint] :
       {expected{EPERM, "frozen already"}, {EBUSY, "writable mapping"}, {enotsupp, "cannot be frozen"}, {EINVAL, ""}}) {
    fake::fail(call::freeze, number, 2);
    BOOST_TEST(number_of([&](auto& ec) { map.freeze(ec); }) == number);
    auto const error = test::error_of([&] { map.freeze(); });
    BOOST_TEST(error.operation == "freeze");
    BOOST_TEST(error.code.value() == number);
    BOOST_TEST(has(error.hint, hint), error.hint);
  }
  map.freeze();
  BOOST_TEST(number_of([&](auto& ec) { map.freeze(ec); }) == EPERM);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(memory_usage, test::ring)

BOOST_AUTO_TEST_CASE(is_what_fdinfo_says) {
  auto const map = test::filled<flows>(2);
  std::string const path = "/proc/self/fdinfo/" + std::to_string(map.fd());
  fake_files::set(path, "pos:\t0\nflags:\t02\nmap_type:\t1\nmemlock:\t8704\nmap_id:\t5\nfrozen:\t0\n");
  BOOST_TEST(map.memory_usage() == 8704U);
  fake_files::set(path, "memlock:\t18446744073709551615\n");
  BOOST_TEST(map.memory_usage() == 18446744073709551615U);
  std::string const long_line(300, 'x');
  fake_files::set(path, long_line + "\nmemlock:\t12\n");
  BOOST_TEST(map.memory_usage() == 12U);
}

BOOST_AUTO_TEST_CASE(that_the_kernel_does_not_tell_is_enodata) {
  auto const map = test::filled<flows>(2);
  std::string const path = "/proc/self/fdinfo/" + std::to_string(map.fd());
  for (char const* text : {"", "pos:\t0\n", "memlock:\tmuch\n"}) {
    fake_files::set(path, text);
    BOOST_TEST(number_of([&](auto& ec) { (void)map.memory_usage(ec); }) == ENODATA);
  }
  BOOST_TEST(test::error_of([&] { (void)map.memory_usage(); }).operation == "memory_usage");
  fake_files::set(path, std::nullopt);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.memory_usage(ec); }) == ENOENT);
  fake_files::refuse(path, EACCES);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.memory_usage(ec); }) == EACCES);
}

BOOST_AUTO_TEST_SUITE_END()
