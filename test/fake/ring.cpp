// SPDX-License-Identifier: MIT
// The ring's own tools: a check that cannot fail proves nothing.
#include "ring.hpp"

#include <cstring>
#include <fstream>
#include <memory>
#include <string>

namespace {

using fake::call;

// Hidden from the compiler, which would see that it is too far.
std::size_t beyond(std::size_t bytes) {
  std::size_t volatile hidden = bytes;
  return hidden;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool address_sanitizer = true;
#elif defined(__has_feature)
constexpr bool address_sanitizer = __has_feature(address_sanitizer);
#else
constexpr bool address_sanitizer = false;
#endif

boost::test_tools::assertion_result own_red_zones(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result result(!address_sanitizer);
  if (address_sanitizer) result.message() << "AddressSanitizer has red zones of its own";
  return result;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(the_ring, test::ring)

BOOST_AUTO_TEST_CASE(runs_without_libbpf) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) BOOST_TEST(!test::has(line, "libbpf"), line);
}

BOOST_AUTO_TEST_CASE(notices_a_buffer_that_is_too_short_for_the_kernels_answer) {
  int const map = fake::make_map({.type = 2, .value_size = 16});
  std::uint32_t const key = 1;
  std::unique_ptr<char[]> const room(new char[8]);
  (void)bpf_map_lookup_elem(map, &key, room.get());
  BOOST_TEST(fake::violations().size() == 1U);
  (void)bpf_map_update_elem(map, &key, room.get(), 0);
  BOOST_TEST(fake::violations().size() == 2U);
  std::unique_ptr<char[]> const enough(new char[16]);
  (void)bpf_map_lookup_elem(map, &key, enough.get());
  BOOST_TEST(fake::violations().empty());
  ::close(map);
}

BOOST_AUTO_TEST_CASE(notices_batch_buffers_that_are_too_short_or_overlap) {
  int const map = fake::make_map({.key_size = 1, .value_size = 4});
  std::unique_ptr<char[]> const room(new char[100]);
  auto const ask = [&](std::size_t cursor, std::size_t keys, std::size_t values) {
    std::uint32_t count = 8;
    (void)bpf_map_lookup_batch(map, nullptr, room.get() + cursor, room.get() + keys, room.get() + values, &count,
                               nullptr);
    return fake::violations().size();
  };
  BOOST_TEST(ask(0, 4, 12) == 0U);
  BOOST_TEST(ask(0, 1, 12) == 1U);   // a cursor of one byte, as large as a key
  BOOST_TEST(ask(0, 4, 11) == 1U);   // keys into values
  BOOST_TEST(ask(0, 4, 69) == 1U);   // values to the end and one more
  BOOST_TEST(ask(97, 4, 12) == 1U);  // a cursor at the end
  ::close(map);
}

BOOST_AUTO_TEST_CASE(notices_what_is_written_around_an_allocation, *boost::unit_test::precondition(own_red_zones)) {
  {
    std::unique_ptr<char[]> const room(new char[8]);
    room[beyond(8)] = 1;
  }
  BOOST_TEST(heap::violations().size() == 1U);
  {
    std::unique_ptr<char[]> const room(new char[8]);
    *(room.get() - beyond(1)) = 1;
  }
  BOOST_TEST(heap::violations().size() == 1U);
}

BOOST_AUTO_TEST_CASE(counts_and_refuses_allocations) {
  auto const before = heap::allocations();
  { std::unique_ptr<int> const one(new int(1)); }
  BOOST_TEST(heap::allocations() - before == 1U);
  heap::limit const little(100);
  BOOST_TEST(::operator new(101, std::nothrow) == nullptr);
  BOOST_CHECK_THROW(std::unique_ptr<char[]>(new char[101]), std::bad_alloc);
  void* const fits = ::operator new(100, std::nothrow);
  BOOST_TEST(fits != nullptr);
  ::operator delete(fits);
}

BOOST_AUTO_TEST_CASE(notices_descriptors_that_stay_open) {
  auto const before_all = test::open_descriptors();
  int const map = fake::make_map({});
  BOOST_TEST(test::open_descriptors() == before_all + 1);
  ::close(map);
  BOOST_TEST(test::open_descriptors() == before_all);
}

BOOST_AUTO_TEST_CASE(answers_by_its_script_and_counts) {
  int const map = fake::make_map({});
  std::uint32_t key = 0;
  std::uint64_t value = 0;
  fake::fail(call::lookup, EBUSY, 2, 1);
  BOOST_TEST(bpf_map_lookup_elem(map, &key, &value) == -ENOENT);
  BOOST_TEST(bpf_map_lookup_elem(map, &key, &value) == -EBUSY);
  BOOST_TEST(errno == EBUSY);
  BOOST_TEST(bpf_map_lookup_elem(map, &key, &value) == -EBUSY);
  BOOST_TEST(bpf_map_lookup_elem(map, &key, &value) == -ENOENT);
  BOOST_TEST(fake::calls(call::lookup) == 4U);
  ::close(map);
}

BOOST_AUTO_TEST_SUITE_END()
