// SPDX-License-Identifier: MIT
// Ring buffers: their size, their memory and the two positions in it.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <atomic>
#include <bit>
#include <cstring>

namespace ut = boost::unit_test;
using bpfmap::ringbuf;
using bpfmap::user_ringbuf;

namespace {

std::uint32_t page() { return static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE)); }

// A record begins with its length; this bit of it says that nobody wants it.
constexpr std::uint32_t discarded = 1U << 30;

struct record_header {
  std::uint32_t length;
  std::uint32_t page_offset;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(ringbufs, *ut::precondition(test::since{{5, 10}}))

BOOST_AUTO_TEST_CASE(the_size_is_rounded_up_to_a_power_of_two_of_pages) {
  test::no_leak const watch;
  for (std::uint32_t const asked : {1U, 4096U, 5000U, 65536U, 65537U, 1U << 20}) {
    auto const map = ringbuf<>::create({.name = "records", .max_entries = asked});
    BOOST_TEST(map.max_size() == std::bit_ceil(std::max(asked, page())));
    BOOST_TEST(map.capacity() == map.max_size());
    BOOST_TEST(map.data().size() == 2 * map.capacity());
    BOOST_TEST(map.info().key_size == 0U);
    BOOST_TEST(map.info().value_size == 0U);
  }
}

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_are_refused_with_a_reason) {
  auto message = test::message_of([] { (void)ringbuf<>::create({.name = "records"}); });
  BOOST_TEST(test::has(message, "max_entries is 0"), message);
  message = test::message_of([] { (void)ringbuf<>::create({.name = "records", .max_entries = (1U << 31) + 1}); });
  BOOST_TEST(test::has(message, "2147483648 bytes at the most"), message);
  std::error_code ec;
  BOOST_TEST(!ringbuf<>::create({.name = "records", .max_entries = (1U << 31) + 1}, ec));
  BOOST_TEST((ec == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_programs_records_lie_between_the_two_positions) {
  test::no_leak const watch;
  auto object = test::loaded("rings");
  auto const map = object.map<ringbuf<std::array<std::uint64_t, 3>>>("records");
  BOOST_TEST(map.capacity() == std::bit_ceil(std::max(5000U, page())));
  BOOST_TEST(map.producer_position() == 0U);
  BOOST_TEST(map.pending() == 0U);
  test::run_on(object.program("send_record"), 0, 2);
  BOOST_TEST(map.producer_position() == 8U + 24 + 8 + 8);
  BOOST_TEST(map.consumer_position() == 0U);
  BOOST_TEST(map.pending() == 48U);
  record_header header{};
  std::memcpy(&header, map.data().data(), sizeof header);
  BOOST_TEST(header.length == 24U);
  std::array<std::uint64_t, 3> record{};
  std::memcpy(&record, map.data().data() + sizeof header, sizeof record);
  BOOST_TEST((record == std::array<std::uint64_t, 3>{1, 2, 3}));
  std::memcpy(&header, map.data().data() + 32, sizeof header);
  BOOST_TEST(header.length == 8U);
  // The second half of the memory is the first again.
  BOOST_TEST(std::memcmp(map.data().data(), map.data().data() + map.capacity(), 48) == 0);
}

BOOST_AUTO_TEST_CASE(a_full_ring_takes_no_more_until_the_consumer_moves_on) {
  auto object = test::loaded("rings");
  auto const map = object.map<ringbuf<>>("records");
  auto const send = object.program("send_record");
  // Of the two lengths that it sends in turn, none fits any more.
  for (int refused = 0; refused < 2; refused = send.run().return_value == 0 ? 0 : refused + 1) {
    BOOST_TEST_REQUIRE(map.pending() <= map.capacity());
  }
  std::uint64_t const full = map.producer_position();
  BOOST_TEST(map.capacity() - map.pending() < 16U + 8);
  BOOST_TEST(send.run().return_value == 1U);
  BOOST_TEST(map.producer_position() == full);
  // Somebody else consumes all of it.
  std::error_code ec;
  auto const consumer = bpfmap::detail::mapping::map(map.fd(), page(), 0, true, ec);
  BOOST_TEST_REQUIRE(!ec);
  std::atomic_ref<unsigned long>(*reinterpret_cast<unsigned long*>(consumer.data())).store(full);
  BOOST_TEST(map.consumer_position() == full);
  BOOST_TEST(map.pending() == 0U);
  BOOST_TEST(send.run().return_value == 0U);
  BOOST_TEST(map.pending() > 0U);
}

BOOST_AUTO_TEST_CASE(memory_stays_valid_when_the_ring_moves) {
  auto map = ringbuf<>::create({.name = "records", .max_entries = 4096});
  auto const data = map.data();
  auto const moved = std::move(map);
  BOOST_TEST(moved.data().data() == data.data());
  BOOST_TEST(map.data().empty());  // NOLINT: a moved-from map is empty
  BOOST_TEST(map.producer_position() == 0U);
  BOOST_TEST(map.pending() == 0U);
  auto const copy = moved.clone();
  BOOST_TEST(copy.data().data() != data.data());
  BOOST_TEST(copy.capacity() == moved.capacity());
}

BOOST_AUTO_TEST_CASE(rings_of_the_two_directions_are_not_taken_for_each_other, *ut::precondition(test::since{{6, 1}})) {
  auto const down = user_ringbuf<>::create({.name = "commands", .max_entries = 4096});
  auto message = test::message_of([&] { (void)ringbuf<>::from_fd(down.fd()); });
  BOOST_TEST(test::has(message, "type is user_ringbuf, expected ringbuf"), message);
  auto const up = ringbuf<>::create({.name = "records", .max_entries = 4096});
  message = test::message_of([&] { (void)user_ringbuf<>::from_fd(up.fd()); });
  BOOST_TEST(test::has(message, "type is ringbuf, expected user_ringbuf"), message);
}

BOOST_AUTO_TEST_CASE(a_program_takes_what_user_space_produced, *ut::precondition(test::since{{6, 1}})) {
  test::no_leak const watch;
  auto object = test::loaded("user_rings");
  auto const map = object.map<user_ringbuf<std::uint64_t>>("commands");
  BOOST_TEST(map.capacity() == std::max(4096U, page()));
  test::run_on(object.program("drain"), 0, 1);
  BOOST_TEST(object.global<std::int64_t>("drained") == 0);
  {
    // Two records, the second of them discarded, as libbpf's producer writes them.
    std::error_code ec;
    auto const producer = bpfmap::detail::mapping::map(map.fd(), 2 * page(), page(), true, ec);
    BOOST_TEST_REQUIRE(!ec);
    std::byte* const records = producer.data() + page();
    record_header const first{8, 0};
    std::uint64_t const number = 42;
    std::memcpy(records, &first, sizeof first);
    std::memcpy(records + 8, &number, sizeof number);
    record_header const second{8 | discarded, 0};
    std::memcpy(records + 16, &second, sizeof second);
    std::memcpy(records + 24, &number, sizeof number);
    std::atomic_ref<unsigned long>(*reinterpret_cast<unsigned long*>(producer.data())).store(32);
  }
  BOOST_TEST(map.producer_position() == 32U);
  BOOST_TEST(map.pending() == 32U);
  BOOST_TEST(std::to_integer<int>(map.data()[8]) == 42);
  test::run_on(object.program("drain"), 0, 1);
  BOOST_TEST(object.global<std::int64_t>("drained") == 1);
  BOOST_TEST(object.global<std::uint64_t>("total") == 42U);
  BOOST_TEST(map.consumer_position() == 32U);
  BOOST_TEST(map.pending() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
