// SPDX-License-Identifier: MIT
// Maps that are memory (ring buffers, arenas), and struct_ops with libbpf old and new.
#include "ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>

namespace {

using bpfmap::arena;
using bpfmap::ringbuf;
using bpfmap::struct_ops;
using bpfmap::struct_ops_state;
using bpfmap::user_ringbuf;
using fake::call;
using test::code_of;
using test::has;
using test::message_of;

std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// A second open file of the same object, for reading only.
int read_only(int fd) { return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC); }

fake::shape a_struct_ops(std::uint32_t flags) {
  return {.type = 26, .key_size = 4, .value_size = 256, .max_entries = 1, .flags = flags, .name = "control"};
}

struct newer_libbpf {
  newer_libbpf() { fake::make_links_of_struct_ops(true); }
  newer_libbpf(newer_libbpf const&) = delete;
  newer_libbpf& operator=(newer_libbpf const&) = delete;
  ~newer_libbpf() { fake::make_links_of_struct_ops(false); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rings, test::ring)

BOOST_AUTO_TEST_CASE(are_created_with_a_size_that_the_kernel_takes) {
  auto const map = ringbuf<>::create({.name = "events", .max_entries = static_cast<std::uint32_t>(page()) + 1});
  BOOST_TEST(fake::last_created().max_entries == 2 * page());
  BOOST_TEST(map.capacity() == 2 * page());
  BOOST_TEST(code_of([](std::error_code& ec) {
               (void)user_ringbuf<>::create({.max_entries = 0xffffffff}, ec);
             }).value() == EINVAL);
  BOOST_TEST(fake::calls(call::map_create) == 1U);
}

BOOST_AUTO_TEST_CASE(show_the_positions_of_the_two_sides) {
  auto const map = ringbuf<>::create({.max_entries = static_cast<std::uint32_t>(page())});
  BOOST_TEST(map.pending() == 0U);
  std::uint64_t const taken = 40;
  std::uint64_t const put = 100;
  BOOST_TEST(::pwrite(map.fd(), &taken, sizeof taken, 0) == 8);
  BOOST_TEST(::pwrite(map.fd(), &put, sizeof put, static_cast<off_t>(page())) == 8);
  BOOST_TEST(map.consumer_position() == 40U);
  BOOST_TEST(map.producer_position() == 100U);
  BOOST_TEST(map.pending() == 60U);
  std::uint64_t const record = 7;
  BOOST_TEST(::pwrite(map.fd(), &record, sizeof record, static_cast<off_t>(2 * page() + 16)) == 8);
  BOOST_TEST(std::to_integer<int>(map.data()[16]) == 7);
}

BOOST_AUTO_TEST_CASE(behind_a_descriptor_for_reading_are_no_rings) {
  auto const map = ringbuf<>::create({.max_entries = static_cast<std::uint32_t>(page())});
  int const fd = read_only(map.fd());
  auto const message = message_of([&] { (void)ringbuf<>::from_fd(fd); });
  BOOST_TEST(has(message, "[EACCES]: mapping it needs a descriptor that may read and write"), message);
  BOOST_TEST(code_of([&](std::error_code& ec) { BOOST_TEST(!ringbuf<>::from_fd(fd, ec)); }).value() == EACCES);
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(that_are_empty_have_no_memory) {
  ringbuf<> const none;
  BOOST_TEST(none.data().empty());
  BOOST_TEST(none.pending() == 0U);
  BOOST_TEST(none.capacity() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(arenas, test::ring)

BOOST_AUTO_TEST_CASE(have_one_address_until_the_last_object_is_gone) {
  auto first = arena::create({.name = "heap", .max_entries = 3});
  BOOST_TEST(fake::last_created().flags == bpfmap::map_flags::mmapable);
  std::byte* const at = first.data();
  auto second = first.clone();
  BOOST_TEST((second.data() == at));
  first = {};
  second.span<int>(0, 1)[0] = 4;
  second = {};
  unsigned char there = 0;
  BOOST_TEST(::mincore(at, page(), &there) == -1);
  auto const other = arena::create({.name = "heap", .max_entries = 3});
  BOOST_TEST(other.bytes() == 3 * page());
}

BOOST_AUTO_TEST_CASE(that_libbpf_has_mapped_are_shown_where_it_has_them) {
  void* const memory = ::mmap(nullptr, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::bpf_map* const of_libbpf = fake::libbpf_map(
      {.type = 33, .key_size = 0, .value_size = 0, .max_entries = 2, .flags = bpfmap::map_flags::mmapable});
  fake::set_mapped(of_libbpf, memory);
  {
    auto heap = arena::bind(of_libbpf);
    BOOST_TEST((heap.data() == memory));
    BOOST_TEST(heap.bytes() == 2 * page());
    auto const copy = heap.clone();
    BOOST_TEST((copy.data() == memory));
    std::error_code ec;
    BOOST_TEST((arena::bind(of_libbpf, ec).data() == memory));
  }
  unsigned char there = 0;
  BOOST_TEST(::mincore(memory, page(), &there) == 0, "it is libbpf's to unmap");
  ::munmap(memory, 2 * page());
}

BOOST_AUTO_TEST_CASE(behind_a_descriptor_for_reading_are_no_arenas) {
  int const made = fake::make_map(
      {.type = 33, .key_size = 0, .value_size = 0, .max_entries = 2, .flags = bpfmap::map_flags::mmapable});
  int const fd = read_only(made);
  auto const message = message_of([&] { (void)arena::from_fd(fd); });
  BOOST_TEST(has(message, "[EACCES]: mapping it needs a descriptor that may read and write"), message);
  ::close(fd);
  ::close(made);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(struct_ops_maps, test::ring)

BOOST_AUTO_TEST_CASE(without_links_are_registered_by_libbpf_and_taken_back_by_the_owner) {
  auto const control = struct_ops::bind(fake::libbpf_map(a_struct_ops(0)));
  BOOST_TEST((control.status().state == struct_ops_state::init));
  {
    auto const registered = control.attach();
    BOOST_TEST((control.status().state == struct_ops_state::in_use));
    BOOST_TEST(control.status().users == 1U);
    BOOST_TEST(fake::calls(call::erase) == 0U);
  }
  BOOST_TEST(fake::calls(call::erase) == 1U);
  BOOST_TEST(fake::calls(call::link_create) == 0U);
}

BOOST_AUTO_TEST_CASE(with_links_get_one_where_libbpf_makes_none) {
  auto const control = struct_ops::bind(fake::libbpf_map(a_struct_ops(bpfmap::map_flags::link)));
  auto registered = control.attach();
  BOOST_TEST(fake::calls(call::link_create) == 1U);
  registered.detach();
  registered = control.attach();  // is ready: libbpf is not asked again
  BOOST_TEST(fake::calls(call::attach) == 1U);
  BOOST_TEST(fake::calls(call::link_create) == 2U);
}

BOOST_AUTO_TEST_CASE(with_links_keep_the_one_that_newer_libbpf_makes) {
  newer_libbpf const libbpf;
  auto const control = struct_ops::bind(fake::libbpf_map(a_struct_ops(bpfmap::map_flags::link)));
  auto const registered = control.attach();
  BOOST_TEST(registered.fd() >= 0);
  BOOST_TEST(fake::calls(call::link_create) == 1U);
  BOOST_TEST(fake::calls(call::erase) == 0U);
}

BOOST_AUTO_TEST_CASE(are_updated_also_if_newer_libbpf_cannot_link_the_next_one) {
  newer_libbpf const libbpf;
  auto const first = struct_ops::bind(fake::libbpf_map(a_struct_ops(bpfmap::map_flags::link)));
  auto const second = struct_ops::bind(fake::libbpf_map(a_struct_ops(bpfmap::map_flags::link)));
  auto registered = first.attach();
  fake::fail(call::link_create, EEXIST);  // one of its name is registered: the first
  registered.update(second);
  BOOST_TEST(fake::calls(call::link_update) == 1U);
  fake::fail(call::link_update, EINVAL);
  auto message = message_of([&] { registered.update(second); });
  BOOST_TEST(has(message, "update on 'control' (struct_ops"), message);
  BOOST_TEST(has(message, "of the kind (and name)"), message);
  auto const plain = struct_ops::bind(fake::libbpf_map(a_struct_ops(0)));
  message = message_of([&] { registered.update(plain); });
  BOOST_TEST(has(message, "map_flags::link"), message);
  BOOST_TEST(code_of([&](std::error_code& ec) { registered.update({}, ec); }).value() == EBADF);
}

BOOST_AUTO_TEST_CASE(that_cannot_be_registered_say_why) {
  auto const control = struct_ops::bind(fake::libbpf_map(a_struct_ops(0)));
  for (auto const& [number, part] :
       {std::pair{EEXIST, "one of this name is registered already"}, std::pair{EBUSY, "it is registered already"},
        std::pair{EINVAL, "a function or its name is missing"}, std::pair{EPERM, "run as root"}}) {
    fake::fail(call::attach, number, 2);
    auto const message = message_of([&] { (void)control.attach(); });
    BOOST_TEST(has(message, part), message);
    BOOST_TEST(code_of([&](std::error_code& ec) { (void)control.attach(ec); }).value() == number);
  }
  auto const alone = struct_ops::from_fd(control.fd());
  BOOST_TEST(has(message_of([&] { (void)alone.attach(); }), "open it by bind()"));
  BOOST_TEST(code_of([&](std::error_code& ec) { (void)struct_ops().attach(ec); }).value() == EBADF);
  BOOST_TEST(code_of([&](std::error_code& ec) { (void)struct_ops().status(ec); }).value() == EBADF);
  fake::fail(call::lookup, EPERM);
  BOOST_TEST(has(message_of([&] { (void)control.status(); }), "status on 'control'"));
}

BOOST_AUTO_TEST_SUITE_END()
