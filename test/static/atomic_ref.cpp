// SPDX-License-Identifier: MIT
// core/atomic_ref.hpp: what stands in for std::atomic_ref where the standard library has none.
#include <bpfmap/core/atomic_ref.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace {

template <class T>
using ref = bpfmap::detail::builtin_atomic_ref<T>;

struct pair {
  std::uint32_t first;
  std::uint32_t second;
};
struct odd {
  std::array<char, 3> chars;
};

template <class T>
concept counts = requires(ref<T> at, T value) { at.fetch_add(value); };

static_assert(ref<std::uint64_t>::is_always_lock_free && ref<pair>::is_always_lock_free);
static_assert(!ref<odd>::is_always_lock_free && !ref<std::array<std::uint64_t, 4>>::is_always_lock_free);
static_assert(ref<std::uint64_t>::required_alignment == 8 && ref<pair>::required_alignment == 8 &&
              ref<std::uint8_t>::required_alignment == 1 && ref<odd>::required_alignment == 1);
static_assert(counts<std::uint8_t> && counts<std::int64_t> && !counts<bool> && !counts<pair> && !counts<float>);
#if defined(__cpp_lib_atomic_ref)
static_assert(std::is_same_v<bpfmap::atomic_ref<int>, std::atomic_ref<int>>);
static_assert(ref<pair>::required_alignment == std::atomic_ref<pair>::required_alignment &&
              ref<std::uint16_t>::required_alignment == std::atomic_ref<std::uint16_t>::required_alignment);
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(atomic_references)

BOOST_AUTO_TEST_CASE(give_what_was_there_before_or_is_there_after) {
  std::uint32_t number = 8;
  ref<std::uint32_t> const at(number);
  BOOST_TEST((at.fetch_add(4) == 8U && at.fetch_sub(2) == 12U && at.fetch_or(1) == 10U && at.fetch_and(3) == 11U &&
              at.fetch_xor(1) == 3U));
  BOOST_TEST(number == 2U);
  BOOST_TEST((++at == 3U && at++ == 3U && --at == 3U && at-- == 3U));
  BOOST_TEST(((at += 6) == 8U && (at -= 1) == 7U && (at &= 6) == 6U && (at |= 9) == 15U && (at ^= 5) == 10U));
  BOOST_TEST(((at = 5) == 5U && at == 5U && at.exchange(9) == 5U && at.load() == 9U));
  at.store(1, std::memory_order_release);
  BOOST_TEST(at.load(std::memory_order_acquire) == 1U);
}

BOOST_AUTO_TEST_CASE(count_modulo_the_width_of_their_type) {
  std::uint8_t small = 255;
  BOOST_TEST(++ref<std::uint8_t>(small) == 0);
  std::int64_t wide = std::numeric_limits<std::int64_t>::max();
  ref<std::int64_t>(wide).fetch_add(1);
  BOOST_TEST(wide == std::numeric_limits<std::int64_t>::min());
}

BOOST_AUTO_TEST_CASE(exchange_only_what_was_expected) {
  std::uint64_t number = 3;
  ref<std::uint64_t> const at(number);
  std::uint64_t expected = 4;
  BOOST_TEST((!at.compare_exchange_strong(expected, 5) && expected == 3U && number == 3U));
  BOOST_TEST((at.compare_exchange_strong(expected, 5, std::memory_order_acq_rel) && number == 5U));
  expected = 5;
  while (!at.compare_exchange_weak(expected, 6, std::memory_order_release, std::memory_order_relaxed)) {
  }
  BOOST_TEST(number == 6U);
}

BOOST_AUTO_TEST_CASE(read_and_write_structs_in_one_piece) {
  alignas(8) pair both{1, 2};
  ref<pair> const at(both);
  at.store({3, 4});
  BOOST_TEST((at.load().first == 3U && at.load().second == 4U));
}

BOOST_AUTO_TEST_SUITE_END()
