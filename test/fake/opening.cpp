// SPDX-License-Identifier: MIT
// Getting a map: create, bind, from_fd, from_id, open_pinned and clone, and what they say when they fail.
#include "ring.hpp"

#include <fcntl.h>
#include <sys/resource.h>

namespace {

using fake::call;
using test::flows;
using test::has;

constexpr int enotsupp = 524;

/// A descriptor that the test owns.
struct owned {
  int fd;
  explicit owned(int taken) : fd(taken) {}
  owned(owned const&) = delete;
  owned& operator=(owned const&) = delete;
  ~owned() { ::close(fd); }
};

template <class F>
int number_of(F&& f) {
  return test::code_of(std::forward<F>(f)).value();
}

// EPERM is another thing for a process that has the capabilities.
char const* privilege_hint() {
  auto const own = bpfmap::detail::privileges::of_this_thread();
  bool const enough = own.initial_user_namespace && own.has(bpfmap::detail::privileges::cap_bpf);
  return enough ? "this process has the capabilities" : "CAP_BPF";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(creating, test::ring)

BOOST_AUTO_TEST_CASE(gives_the_kernel_what_the_options_and_the_class_say) {
  auto const map = bpfmap::hash<std::uint16_t, std::array<char, 24>>::create({.name = "my.map_1",
                                                                              .max_entries = 77,
                                                                              .flags = bpfmap::map_flags::no_prealloc,
                                                                              .numa_node = 3,
                                                                              .btf_fd = 5,
                                                                              .btf_key_type_id = 6,
                                                                              .btf_value_type_id = 7});
  auto const made = fake::last_created();
  BOOST_TEST(made.type == 1U);
  BOOST_TEST(made.key_size == 2U);
  BOOST_TEST(made.value_size == 24U);
  BOOST_TEST(made.max_entries == 77U);
  BOOST_TEST(made.flags == (bpfmap::map_flags::no_prealloc | bpfmap::map_flags::numa_node));
  BOOST_TEST(made.numa_node == 3U);
  BOOST_TEST(made.btf_fd == 5U);
  BOOST_TEST(made.btf_key_type_id == 6U);
  BOOST_TEST(made.btf_value_type_id == 7U);
  BOOST_TEST(made.name == "my.map_1");
  BOOST_TEST(map.name() == "my.map_1");
  BOOST_TEST(map.max_size() == 77U);
  BOOST_TEST(map.id() == fake::id_of(map.fd()));
  BOOST_TEST((::fcntl(map.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(a_per_cpu_map_asks_for_the_size_of_one_slot) {
  (void)bpfmap::percpu_hash<std::uint32_t, std::array<std::uint8_t, 12>>::create({.name = "p", .max_entries = 1});
  BOOST_TEST(fake::last_created().value_size == 12U);
}

BOOST_AUTO_TEST_CASE(a_mappable_array_asks_for_the_flag_that_it_needs) {
  (void)bpfmap::array<std::uint64_t, bpfmap::mmapable>::create({.name = "t", .max_entries = 8});
  BOOST_TEST(fake::last_created().flags == bpfmap::map_flags::mmapable);
}

BOOST_AUTO_TEST_CASE(takes_names_from_texts_that_are_gone_by_then) {
  bpfmap::create_options options{.max_entries = 1};
  options.name = std::string("flo") + "ws";
  BOOST_TEST(flows::create(options).name() == "flows");
  BOOST_TEST(fake::last_created().name == "flows");
  options.name = std::string_view("a flow").substr(2);
  BOOST_TEST(flows::create(options).name() == "flow");
  options.name = std::string(100, 'n');
  std::error_code ec;
  BOOST_TEST(!flows::create(options, ec));
  BOOST_TEST(ec.value() == EINVAL);
}

BOOST_AUTO_TEST_CASE(reports_every_errno_with_the_name_and_a_hint) {
  struct expected {
    int number;
    char const* hint;
  };
  for (auto const& [number, hint] : {expected{EPERM, privilege_hint()},
                                     {EINVAL, "needs Linux 3.19"},
                                     {E2BIG, "larger"},
                                     {ENOMEM, "memory"},
                                     {enotsupp, ""},
                                     {EMFILE, ""},
                                     {ENFILE, ""},
                                     {EAGAIN, ""}}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      fake::fail(call::map_create, number, 2);
      flows map;
      BOOST_TEST(number_of([&](auto& ec) { map = flows::create({.name = "flows", .max_entries = 1}, ec); }) == number);
      BOOST_TEST(!map);
      auto const error = test::error_of([] { (void)flows::create({.name = "flows", .max_entries = 1}); });
      BOOST_TEST(error.operation == "create");
      BOOST_TEST(error.map_name == "flows");
      BOOST_TEST(error.code.value() == number);
      BOOST_TEST(error.text.starts_with("create on 'flows' as hash: "));
      BOOST_TEST(has(error.hint, hint), error.hint);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_network_type_says_that_it_needs_more_than_cap_bpf) {
  using bpfmap::detail::creation_hint;
  auto const hint = creation_hint({bpfmap::map_type::devmap, 4, 4, 0}, {.max_entries = 1}, EPERM, {});
  BOOST_TEST(has(hint, "CAP_NET_ADMIN"));
}

BOOST_AUTO_TEST_CASE(with_several_wrong_options_lists_them_all) {
  auto const error = test::error_of([] {
    (void)bpfmap::percpu_hash<std::uint32_t, std::uint64_t>::create(
        {.name = "a name", .flags = bpfmap::map_flags::mmapable, .numa_node = 0, .map_extra = 9});
  });
  BOOST_TEST(error.code.value() == EINVAL);
  for (char const* part : {"the name 'a name'", "max_entries is 0", "mmapable", "NUMA", "map_extra"}) {
    BOOST_TEST(has(error.hint, part), error.hint << " should speak of " << part);
  }
}

BOOST_AUTO_TEST_CASE(with_a_name_that_libbpf_would_cut_is_refused_before_the_kernel) {
  for (char const* name : {"sixteen_letters_", "with space", "dash-ed", "\xc3\xa4"}) {
    BOOST_TEST(number_of([&](auto& ec) { (void)flows::create({.name = name, .max_entries = 1}, ec); }) == EINVAL);
  }
  BOOST_TEST(fake::calls(call::map_create) == 0U);
  BOOST_TEST(flows::create({.name = "fifteen_letters", .max_entries = 1}).name() == "fifteen_letters");
  BOOST_TEST(flows::create({.max_entries = 1}).name() == "");
}

BOOST_AUTO_TEST_CASE(closes_the_map_that_it_cannot_ask_about) {
  fake::fail(call::map_info, EINVAL, 2);
  BOOST_TEST(number_of([](auto& ec) { (void)flows::create({.max_entries = 1}, ec); }) == EINVAL);
  BOOST_TEST(test::error_of([] { (void)flows::create({.max_entries = 1}); }).code.value() == EINVAL);
}

// BPF_MAP_LOOKUP_BATCH came with Linux 5.6; before, the command is unknown, which is EINVAL for every descriptor.
BOOST_AUTO_TEST_CASE(works_on_a_kernel_that_does_not_know_batches) {
  fake::fail(call::empty_batch, EINVAL, fake::forever);
  fake::fail(call::lookup_batch, EINVAL, fake::forever);
  std::error_code ec;
  auto const map = flows::create({.name = "flows", .max_entries = 4}, ec);
  BOOST_TEST(!ec, ec.message());
  BOOST_REQUIRE(map);
  map.insert_or_assign(1, 2);
  BOOST_TEST(map.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(binding, test::ring)

BOOST_AUTO_TEST_CASE(to_a_loaded_map_of_libbpf_gives_an_own_descriptor) {
  bpf_map* const of_libbpf = fake::libbpf_map({});
  auto const map = flows::bind(of_libbpf);
  BOOST_TEST(map.fd() != bpf_map__fd(of_libbpf));
  BOOST_TEST(map.name() == "flows");
  BOOST_TEST((::fcntl(map.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(to_nothing_or_to_what_is_not_loaded_is_an_error) {
  BOOST_TEST(number_of([](auto& ec) { (void)flows::bind(nullptr, ec); }) == EINVAL);
  BOOST_TEST(test::message_of([] { (void)flows::bind(nullptr); }) ==
             "bind on a null pointer as hash: Invalid argument [EINVAL]: there is no such map");
  bpf_map* const early = fake::unloaded_map("early");
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::bind(early, ec); }) == EBADF);
  BOOST_TEST(test::message_of([&] { (void)flows::bind(early); }) ==
             "bind on 'early' as hash: Bad file descriptor [EBADF]: the object that it belongs to is not loaded");
}

BOOST_AUTO_TEST_CASE(to_a_map_of_another_shape_lists_every_difference) {
  bpf_map* const other = fake::libbpf_map({.type = 2, .key_size = 4, .value_size = 12, .name = "table"});
  auto const error = test::error_of([&] { (void)bpfmap::hash<std::uint64_t, std::uint64_t>::bind(other); });
  BOOST_TEST(error.code.value() == EINVAL);
  BOOST_TEST(has(error.hint, "type is array, expected hash"), error.hint);
  BOOST_TEST(has(error.hint, "key size is 4, expected 8"), error.hint);
  BOOST_TEST(has(error.hint, "value size is 12, expected 8"), error.hint);
  auto const flags = test::error_of([&] {
    (void)bpfmap::array<std::uint32_t, bpfmap::mmapable>::bind(fake::libbpf_map({.type = 2, .value_size = 4}));
  });
  BOOST_TEST(has(flags.hint, "mmapable"), flags.hint);
}

BOOST_AUTO_TEST_CASE(to_a_map_of_a_type_that_bpfmap_does_not_know_names_its_number) {
  bpf_map* const newer = fake::libbpf_map({.type = 99});
  auto const error = test::error_of([&] { (void)flows::bind(newer); });
  BOOST_TEST(has(error.hint, "type is type number 99, expected hash"), error.hint);
}

BOOST_AUTO_TEST_CASE(without_a_descriptor_left_is_emfile) {
  owned const map(fake::make_map({}));
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  rlimit const none{.rlim_cur = 3, .rlim_max = old.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  int const number = number_of([&](auto& ec) { (void)flows::from_fd(map.fd, ec); });
  auto const error = test::error_of([&] { (void)flows::from_fd(map.fd); });
  ::setrlimit(RLIMIT_NOFILE, &old);
  BOOST_TEST(number == EMFILE);
  BOOST_TEST(has(error.hint, "RLIMIT_NOFILE"), error.hint);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(opening, test::ring)

BOOST_AUTO_TEST_CASE(a_descriptor_duplicates_it) {
  owned const map(fake::make_map({}));
  auto const opened = flows::from_fd(map.fd);
  BOOST_TEST(opened.fd() != map.fd);
  auto const any = bpfmap::map_handle::from_fd(map.fd);
  BOOST_TEST(any.info().type == bpfmap::map_type::hash);
}

BOOST_AUTO_TEST_CASE(what_owns_a_descriptor_is_taken_over_whether_it_fits_or_not) {
  auto first = flows::from_fd(bpfmap::unique_fd(fake::make_map({})));
  int const number = first.fd();
  auto second = flows::from_fd(first.release());
  BOOST_TEST(!first);
  BOOST_TEST(second.fd() == number);
  auto any = bpfmap::map_handle::from_fd(second.release());
  BOOST_TEST(any.fd() == number);
  // The ring sees that nothing is left open.
  auto const error = test::error_of([&] { (void)test::table::from_fd(any.release()); });
  BOOST_TEST(has(error.text, "from_fd on fd " + std::to_string(number) + " as array"), error.text);
  BOOST_TEST(has(error.hint, "type is hash, expected array"), error.text);
  for (auto const& code :
       {test::code_of([](auto& ec) { (void)flows::from_fd(bpfmap::unique_fd(), ec); }),
        test::code_of([](auto& ec) { (void)bpfmap::map_handle::from_fd(bpfmap::unique_fd(), ec); })}) {
    BOOST_TEST(code.value() == EBADF);
  }
}

BOOST_AUTO_TEST_CASE(a_closed_descriptor_is_ebadf) {
  for (int const fd : {-1, -77, 999}) {
    BOOST_TEST(number_of([&](auto& ec) { (void)flows::from_fd(fd, ec); }) == EBADF);
    BOOST_TEST(number_of([&](auto& ec) { (void)bpfmap::map_handle::from_fd(fd, ec); }) == EBADF);
  }
  BOOST_TEST(test::message_of([] { (void)flows::from_fd(-1); }) ==
             "from_fd on fd -1 as hash: Bad file descriptor [EBADF]: the descriptor is not open");
  BOOST_TEST(test::message_of([] { (void)bpfmap::map_handle::from_fd(-1); }) ==
             "from_fd on fd -1: Bad file descriptor [EBADF]: the descriptor is not open");
}

BOOST_AUTO_TEST_CASE(a_descriptor_of_a_program_a_link_or_a_plain_file_is_einval) {
  owned const program(fake::make_program());
  owned const link(fake::make_link());
  owned const file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (int const fd : {program.fd, link.fd, file.fd}) {
    BOOST_TEST(number_of([&](auto& ec) { (void)flows::from_fd(fd, ec); }) == EINVAL);
    BOOST_TEST(number_of([&](auto& ec) { (void)bpfmap::map_handle::from_fd(fd, ec); }) == EINVAL);
    BOOST_TEST(has(test::message_of([&] { (void)flows::from_fd(fd); }), "the descriptor is not a BPF map's"));
  }
}

BOOST_AUTO_TEST_CASE(a_map_whose_information_is_denied_is_an_error) {
  owned const map(fake::make_map({}));
  fake::fail(call::map_info, EPERM, 2);
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::from_fd(map.fd, ec); }) == EPERM);
  BOOST_TEST(has(test::message_of([&] { (void)flows::from_fd(map.fd); }), "CAP_BPF"));
}

BOOST_AUTO_TEST_CASE(a_write_only_descriptor_works) {
  auto const map = test::map_with<flows>({.flags = bpfmap::map_flags::wronly});
  map.insert_or_assign(1, 1);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.find(1, ec); }) == EPERM);
}

BOOST_AUTO_TEST_CASE(an_id_gives_the_map_or_says_why_not) {
  owned const map(fake::make_map({}));
  auto const opened = flows::from_id(fake::id_of(map.fd));
  BOOST_TEST(opened.id() == fake::id_of(map.fd));
  BOOST_TEST(number_of([](auto& ec) { (void)flows::from_id(4242, ec); }) == ENOENT);
  BOOST_TEST(test::message_of([] { (void)flows::from_id(4242); }) ==
             "from_id on id 4242 as hash: No such file or directory [ENOENT]: no map has this id (now)");
  fake::fail(call::fd_by_id, EPERM, 2);
  BOOST_TEST(number_of([](auto& ec) { (void)flows::from_id(1, ec); }) == EPERM);
  BOOST_TEST(has(test::message_of([] { (void)flows::from_id(1); }), "CAP_SYS_ADMIN"));
  owned const array(fake::make_map({.type = 2}));
  BOOST_TEST(
      has(test::message_of([&] { (void)flows::from_id(fake::id_of(array.fd)); }), "type is array, expected hash"));
}

BOOST_AUTO_TEST_CASE(the_same_map_again_gives_a_second_object) {
  auto const map = test::filled<test::hits>(2);
  auto const second = map.clone();
  BOOST_TEST(second.fd() != map.fd());
  BOOST_TEST(second.id() == map.id());
  BOOST_TEST(second.at(1) == 2U);
  fake::fail(call::map_info, EPERM, 2);
  BOOST_TEST(number_of([&](auto& ec) { (void)map.clone(ec); }) == EPERM);
  BOOST_TEST(test::error_of([&] { (void)map.clone(); }).operation == "clone");
}

BOOST_AUTO_TEST_CASE(clears_an_error_code_of_earlier) {
  owned const map(fake::make_map({}));
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::from_fd(map.fd, ec); }) == 0);
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::from_id(fake::id_of(map.fd), ec); }) == 0);
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::bind(fake::libbpf_map({}), ec); }) == 0);
  BOOST_TEST(number_of([&](auto& ec) { (void)flows::create({.max_entries = 1}, ec); }) == 0);
  BOOST_TEST(number_of([&](auto& ec) { (void)bpfmap::map_handle::from_fd(map.fd, ec); }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
