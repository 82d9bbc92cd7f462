// SPDX-License-Identifier: MIT
// Calls on many keys: what the kernel is asked for, and what becomes of each of its refusals. The fake kernel takes no
// programs, so these go by batch or by single calls.
#include "heap.hpp"
#include "ring.hpp"

#include <numeric>
#include <vector>

namespace {

using bpfmap::bulk_path;
using bpfmap::bulk_result;
using bpfmap::key_bits;
using fake::call;
using test::code_of;
using test::has;
using test::message_of;

using table = bpfmap::hash<std::uint32_t, std::uint64_t>;
using counts = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;

table some_map(std::uint32_t max_entries = 1000) {
  return test::map_with<table>({.key_size = 4, .value_size = 8, .max_entries = max_entries});
}

struct numbers {
  std::vector<std::uint32_t> keys;
  std::vector<std::uint64_t> values;

  explicit numbers(std::uint32_t count) : keys(count), values(count) {
    std::iota(keys.begin(), keys.end(), 0U);
    std::iota(values.begin(), values.end(), 100U);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bulk, test::ring)

BOOST_AUTO_TEST_CASE(of_nothing_asks_for_nothing) {
  auto const map = some_map();
  numbers const none(0);
  std::vector<std::uint64_t> out;
  key_bits bits;
  BOOST_TEST((map.insert_or_assign(none.keys, none.values) == bulk_result{}));
  BOOST_TEST((map.find(none.keys, out, bits) == bulk_result{}));
  BOOST_TEST(bits.size() == 0U);
  BOOST_TEST((map.erase(none.keys) == bulk_result{}));
  for (call const each : {call::lookup, call::update, call::erase, call::update_batch, call::delete_batch}) {
    BOOST_TEST(fake::calls(each) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(writes_the_first_key_alone_and_the_rest_at_once) {
  auto const map = some_map();
  numbers const all(500);
  BOOST_TEST((map.insert_or_assign(all.keys, all.values) == bulk_result{500, 500}));
  BOOST_TEST(fake::calls(call::update) == 1U);
  BOOST_TEST(fake::calls(call::update_batch) == 1U);
  BOOST_TEST(map.bulk_by() == bulk_path::batch);
  BOOST_TEST((map.erase(all.keys) == bulk_result{500, 500}));
  BOOST_TEST(fake::calls(call::erase) == 1U);
  BOOST_TEST(fake::calls(call::delete_batch) == 1U);
}

BOOST_AUTO_TEST_CASE(steps_over_keys_that_a_batch_does_not_find) {
  auto const map = some_map();
  numbers const all(10);
  for (std::uint32_t const key : {0U, 1U, 4U, 9U}) map.insert(key, key);
  key_bits erased;
  BOOST_TEST((map.erase(all.keys, erased) == bulk_result{4, 10}));
  for (std::uint32_t i = 0; i < 10; ++i) BOOST_TEST(erased[i] == (i == 0 || i == 1 || i == 4 || i == 9));
  BOOST_TEST(map.empty());
}

BOOST_AUTO_TEST_CASE(tries_the_key_that_a_batch_stops_at_by_itself) {
  auto const map = some_map();
  numbers const all(10);
  // What the batch meets passes: the key's own call succeeds, and the next batch goes on behind it.
  fake::fail(call::update_batch, ENOMEM, 1);
  BOOST_TEST((map.insert_or_assign(all.keys, all.values) == bulk_result{10, 10}));
  BOOST_TEST(fake::calls(call::update) == 2U);
  BOOST_TEST(fake::calls(call::update_batch) == 2U);
}

BOOST_AUTO_TEST_CASE(gives_the_errno_of_the_keys_own_call) {
  for (int const number : {EPERM, ENOMEM, EBUSY, EINTR, EFAULT, E2BIG}) {
    auto const map = some_map();
    numbers const all(10);
    fake::fail(call::update_batch, EBADMSG, fake::forever);
    fake::fail(call::update, number, fake::forever, 3);
    std::error_code ec;
    BOOST_TEST((map.insert_or_assign(all.keys, all.values, ec) == bulk_result{3, 3}));
    BOOST_TEST(ec.value() == number);
    fake::reset_script(call::update);
    fake::reset_script(call::update_batch);
    BOOST_TEST(map.size() == 3U);
  }
}

BOOST_AUTO_TEST_CASE(stops_at_the_first_error_of_each_operation) {
  auto map = some_map();
  map.set_bulk_path(bulk_path::single);
  numbers const all(6);
  map.insert_or_assign(all.keys, all.values);
  std::vector<std::uint64_t> out(6);
  std::error_code ec;
  fake::fail(call::lookup, EBUSY, 1, 4);
  BOOST_TEST((map.find(all.keys, out, ec) == bulk_result{4, 4}));
  BOOST_TEST(ec.value() == EBUSY);
  fake::fail(call::update, EBUSY, 1, 2);
  BOOST_TEST((map.assign(all.keys, all.values, ec) == bulk_result{2, 2}));
  BOOST_TEST(ec.value() == EBUSY);
  fake::fail(call::update, ENOMEM, 1, 5);
  BOOST_TEST((map.insert(all.keys, all.values, ec) == bulk_result{0, 5}));
  BOOST_TEST(ec.value() == ENOMEM);
  fake::fail(call::erase, EBUSY, 1, 1);
  BOOST_TEST((map.erase(all.keys, ec) == bulk_result{1, 1}));
  BOOST_TEST(ec.value() == EBUSY);
}

BOOST_AUTO_TEST_CASE(says_in_words_where_it_stopped) {
  auto const map = some_map();
  numbers const all(6);
  fake::fail(call::update, ENOMEM, fake::forever, 1);
  fake::fail(call::update_batch, ENOMEM, fake::forever);
  auto const message = message_of([&] { map.insert_or_assign(all.keys, all.values); });
  BOOST_TEST(has(message, "[ENOMEM]"), message);
  BOOST_TEST(has(message, "key 1 of the call, those before it are done"), message);
}

BOOST_AUTO_TEST_CASE(without_batches_goes_key_by_key) {
  for (int const number : {524, EINVAL, EOPNOTSUPP}) {
    auto const map = some_map();
    numbers const all(50);
    std::size_t const before = fake::calls(call::update);
    fake::fail(call::update_batch, number, fake::forever);
    BOOST_TEST((map.insert_or_assign(all.keys, all.values) == bulk_result{50, 50}));
    BOOST_TEST(fake::calls(call::update) - before == 50U);
    BOOST_TEST(map.bulk_by() == bulk_path::single);
    fake::reset_script(call::update_batch);
  }
}

BOOST_AUTO_TEST_CASE(asks_for_programs_again_only_if_the_refusal_may_pass) {
  struct {
    int number;
    bool again;
  } const cases[] = {{EPERM, false}, {EINVAL, false}, {EACCES, false}, {ENOMEM, true}, {EMFILE, true}, {EAGAIN, true}};
  for (auto const& [number, again] : cases) {
    auto const map = some_map(5000);
    numbers const all(2000);
    fake::fail(call::program_load, number, fake::forever);
    std::vector<std::uint64_t> out(2000);
    map.find(all.keys, out);
    std::size_t const before = fake::calls(call::program_load);
    BOOST_TEST(before > 0U);
    map.find(all.keys, out);
    BOOST_TEST((fake::calls(call::program_load) > before) == again, "errno " << number);
    fake::reset_script(call::program_load);
  }
}

BOOST_AUTO_TEST_CASE(without_memory_for_a_program_goes_another_way) {
  auto const map = some_map(5000);
  numbers const all(2000);
  fake::fail(call::map_create, ENOMEM, fake::forever);
  std::vector<std::uint64_t> out(2000);
  BOOST_TEST((map.find(all.keys, out) == bulk_result{0, 2000}));
  BOOST_TEST(map.bulk_by() == bulk_path::single);
}

BOOST_AUTO_TEST_CASE(fills_what_is_absent_with_zero_bytes) {
  auto const map = some_map();
  map.insert(1, 11);
  std::vector<std::uint32_t> const keys{0, 1, 2};
  std::vector<std::uint64_t> out{7, 7, 7};
  key_bits found;
  BOOST_TEST((map.find(keys, out, found) == bulk_result{1, 3}));
  BOOST_TEST((out == std::vector<std::uint64_t>{0, 11, 0}));
  BOOST_TEST((!found[0] && found[1] && !found[2]));
}

BOOST_AUTO_TEST_CASE(uses_bits_again_that_were_moved_from) {
  auto const map = some_map();
  map.insert(1, 11);
  std::vector<std::uint32_t> const keys{0, 1, 2};
  std::vector<std::uint64_t> out(3);
  key_bits found;
  map.find(keys, out, found);
  key_bits kept(std::move(found));
  BOOST_TEST(found.size() == 0U);
  map.find(keys, out, found);
  BOOST_TEST((found.size() == 3U && !found[0] && found[1] && !found[2]));
  kept = std::move(found);
  BOOST_TEST(found.size() == 0U);
  BOOST_TEST((kept.size() == 3U && !kept[0] && kept[1] && !kept[2]));
  map.find(keys, out, found);
  BOOST_TEST((found.size() == 3U && found[1]));
}

BOOST_AUTO_TEST_CASE(reduces_and_scatters_per_cpu_values) {
  auto const map = test::map_with<counts>({.type = 5, .key_size = 4, .value_size = 8, .max_entries = 1000});
  numbers const all(100);
  BOOST_TEST((map.insert_or_assign(all.keys, all.values) == bulk_result{100, 100}));
  BOOST_TEST(fake::calls(call::update_batch) == 1U);
  std::vector<std::uint64_t> out(100);
  BOOST_TEST((map.find(all.keys, out) == bulk_result{100, 100}));
  BOOST_TEST(out == all.values, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_an_empty_object_is_ebadf) {
  table const map;
  numbers const all(3);
  std::vector<std::uint64_t> out(3);
  std::vector<table::value_type> taken;
  auto const number = [](auto const& act) {
    std::error_code ec;
    act(ec);
    return ec.value();
  };
  BOOST_TEST(number([&](std::error_code& ec) { map.find(all.keys, out, ec); }) == EBADF);
  BOOST_TEST(number([&](std::error_code& ec) { map.insert_or_assign(all.keys, all.values, ec); }) == EBADF);
  BOOST_TEST(number([&](std::error_code& ec) { map.erase(all.keys, ec); }) == EBADF);
  BOOST_TEST(number([&](std::error_code& ec) { map.extract_all(taken, ec); }) == EBADF);
  BOOST_TEST(number([&](std::error_code& ec) { map.clear(ec); }) == EBADF);
  BOOST_TEST(number([&](std::error_code& ec) { counts().find(all.keys, out, ec); }) == EBADF);
  BOOST_TEST(number([&](std::error_code& ec) { counts().insert_or_assign(all.keys, all.values, ec); }) == EBADF);
}

// Kernels without may_goto go through a loop of so many rounds as the body's length allows, and there is no body then.
BOOST_AUTO_TEST_CASE(writes_no_program_where_there_is_no_memory_for_one) {
  namespace detail = bpfmap::detail;
  detail::scratch_array const memory;
  for (bool const may_goto : {true, false}) {
    heap::limit const little(1000);
    detail::bpf::assembler code;
    detail::emit_list_program(code, memory, 8, may_goto, [](detail::bpf::assembler&, detail::bpf::label) {});
    std::error_code ec;
    BOOST_TEST(code.code(ec).empty());
    BOOST_TEST(ec.value() == ENOMEM);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(draining, test::ring)

BOOST_AUTO_TEST_CASE(takes_blocks_that_grow_when_a_bucket_does_not_fit) {
  auto const map = some_map(3);  // a block holds no more than the map may
  numbers const all(3);
  map.insert_or_assign(all.keys, all.values);
  std::vector<table::value_type> taken;
  BOOST_TEST(map.extract_all(taken) == 3U);
  BOOST_TEST(taken.size() == 3U);
  BOOST_TEST(map.empty());
  BOOST_TEST(fake::calls(call::extract) == 0U);
}

BOOST_AUTO_TEST_CASE(keeps_what_was_taken_before_an_error) {
  auto const map = some_map(20'000);
  numbers const all(10'000);
  map.insert_or_assign(all.keys, all.values);
  for (int const number : {EPERM, EBUSY, ENOMEM, EFAULT}) {
    fake::fail(call::extract_batch, number, 1, 1);
    std::vector<table::value_type> taken;
    std::error_code ec;
    std::uint64_t const count = map.extract_all(taken, ec);
    BOOST_TEST(ec.value() == number);
    BOOST_TEST(count == taken.size());
    BOOST_TEST(count > 0U);
    for (auto const& [key, value] : taken) map.insert(key, value);
    BOOST_TEST(map.size() == 10'000U);
  }
}

BOOST_AUTO_TEST_CASE(without_batches_takes_one_key_ahead) {
  auto const map = some_map();
  numbers const all(100);
  map.insert_or_assign(all.keys, all.values);
  fake::fail(call::extract_batch, 524, fake::forever);
  std::vector<table::value_type> taken;
  BOOST_TEST(map.extract_all(taken) == 100U);
  BOOST_TEST(fake::calls(call::extract) == 100U);
  BOOST_TEST(fake::calls(call::next_key) <= 102U);
  BOOST_TEST(map.empty());
  BOOST_TEST(map.extract_all(taken) == 0U);
}

BOOST_AUTO_TEST_CASE(by_keys_steps_over_what_others_took_first) {
  auto const map = some_map();
  numbers const all(100);
  map.insert_or_assign(all.keys, all.values);
  fake::fail(call::extract_batch, 524, fake::forever);
  fake::fail(call::extract, ENOENT, 5, 10);
  std::vector<table::value_type> taken;
  BOOST_TEST(map.extract_all(taken) == 95U);
}

BOOST_AUTO_TEST_CASE(clear_says_what_the_kernel_says) {
  auto const map = some_map();
  map.insert(1, 1);
  fake::fail(call::extract_batch, EPERM, 1);
  auto const message = message_of([&] { map.clear(); });
  BOOST_TEST(has(message, "clear on "), message);
  BOOST_TEST(has(message, "the map is frozen, or CAP_BPF is missing"), message);
  BOOST_TEST(map.clear() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
