// SPDX-License-Identifier: MIT
// Every operation on an element, with every errno that the kernel may answer: what is a value is returned, and the
// rest is an error that tells operation, map, errno and what to do, in both styles.
#include "ring.hpp"

#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using fake::call;
using test::has;

constexpr int enotsupp = 524;

struct known_errno {
  int number;
  std::string_view symbol;
};

// All that stand in the kernel's code for these commands, for any type of map.
constexpr known_errno known[] = {
    {EPERM, "EPERM"},         {ENOENT, "ENOENT"},       {EIO, "EIO"},
    {E2BIG, "E2BIG"},         {EBADF, "EBADF"},         {EAGAIN, "EAGAIN"},
    {ENOMEM, "ENOMEM"},       {EACCES, "EACCES"},       {EFAULT, "EFAULT"},
    {EBUSY, "EBUSY"},         {EEXIST, "EEXIST"},       {ENODEV, "ENODEV"},
    {EINVAL, "EINVAL"},       {ENOSPC, "ENOSPC"},       {EDEADLK, "EDEADLK"},
    {ENOSYS, "ENOSYS"},       {ENOTSOCK, "ENOTSOCK"},   {EOPNOTSUPP, "EOPNOTSUPP"},
    {ETIMEDOUT, "ETIMEDOUT"}, {EOVERFLOW, "EOVERFLOW"}, {EINTR, "EINTR"},
    {enotsupp, "ENOTSUPP"},
};

struct operation {
  std::string name;
  call which;
  int means_no;  // the errno that is the value false or nothing; 0: none is
  bool writes;
  std::function<bool(std::error_code&)> twin;
  std::function<bool()> throwing;
};

std::string message_of_errno(int number) {
  return number == enotsupp ? "Operation not supported by this kind of map or program" : std::strerror(number);
}

// What the hint must speak of; "" where there need not be one.
std::string hint_about(operation const& op, int number, std::string const& type, bool array) {
  switch (number) {
    case E2BIG:
      if (!op.writes || op.which != call::update || has(type, "lru")) return "";
      return array ? "the index is out of range: the map has 16 entries" : "the map already holds its 16 entries";
    case EPERM:
    case EACCES:
      return op.writes ? "frozen" : "CAP_BPF";
    case EBADF:
      return "closed";
    case EBUSY:
    case EDEADLK:
    case ETIMEDOUT:
      return "try again";
    case ENOMEM:
      return "out of memory";
    case EOPNOTSUPP:
    case enotsupp:
      return op.which == call::extract ? "5.14" : type;
    case EINVAL:
      return op.which == call::extract ? "5.14" : "";
    default:
      return "";
  }
}

void check_twin(operation const& op, known_errno const& answer) {
  fake::fail(op.which, answer.number);
  bool result = true;
  std::error_code const ec = test::code_of([&](std::error_code& code) { result = op.twin(code); });
  BOOST_TEST(!result);
  bool const no = op.means_no == answer.number;
  BOOST_TEST(ec.value() == (no ? 0 : answer.number));
  if (!no) BOOST_TEST((ec.category() == bpfmap::bpf_category()));
}

void check_throwing(operation const& op, known_errno const& answer, std::string const& subject, std::string const& type,
                    bool array) {
  fake::fail(op.which, answer.number);
  if (op.means_no == answer.number) {
    bool result = true;
    if (op.name == "at") {
      BOOST_CHECK_EXCEPTION(op.throwing(), std::out_of_range,
                            [&](std::out_of_range const& absent) { return has(absent.what(), subject); });
    } else {
      BOOST_CHECK_NO_THROW(result = op.throwing());
      BOOST_TEST(!result);
    }
    return;
  }
  auto const error = test::error_of([&] { op.throwing(); });
  BOOST_TEST(error.operation == op.name);
  BOOST_TEST(error.map_name == "flows");
  BOOST_TEST(error.code.value() == answer.number);
  std::string const begin =
      op.name + " on " + subject + ": " + message_of_errno(answer.number) + " [" + std::string(answer.symbol) + "]";
  BOOST_TEST(error.text == (error.hint.empty() ? begin : begin + ": " + error.hint));
  std::string const about = hint_about(op, answer.number, type, array);
  BOOST_TEST(has(error.hint, about), "hint '" << error.hint << "' should speak of '" << about << "'");
}

void check_all(std::vector<operation> const& operations, std::string const& type, std::size_t value, bool array) {
  std::string const subject = "'flows' (" + type + ", key 4, value " + std::to_string(value) + ")";
  for (operation const& op : operations) {
    for (known_errno const& answer : known) {
      BOOST_TEST_CONTEXT(op.name << " answered by " << answer.symbol) {
        check_twin(op, answer);
        check_throwing(op, answer, subject, type, array);
      }
    }
    // And nothing is left over that a later call would see.
    std::error_code ec;
    op.twin(ec);
    BOOST_TEST(!ec, op.name << " without a script: " << ec.message());
  }
}

// The operations that every class has. `absent` and `out` differ between hashes and arrays.
template <class Map>
std::vector<operation> common_operations(Map const& map, int not_present) {
  return {
      {"find", call::lookup, ENOENT, false, [&](auto& ec) { return map.find(1, ec).has_value(); },
       [&] { return map.find(1).has_value(); }},
      {"contains", call::lookup, ENOENT, false, [&](auto& ec) { return map.contains(1, ec); },
       [&] { return map.contains(1); }},
      {"assign", call::update, not_present, true, [&](auto& ec) { return map.assign(1, 5, ec); },
       [&] { return map.assign(1, 5); }},
      {"insert_or_assign", call::update, 0, true,
       [&](auto& ec) {
         map.insert_or_assign(1, 5, ec);
         return !ec;
       },
       [&] {
         map.insert_or_assign(1, 5);
         return true;
       }},
  };
}

template <class Map>
std::vector<operation> hash_operations(Map const& map) {
  auto all = common_operations(map, ENOENT);
  all.push_back({"insert", call::update, EEXIST, true, [&](auto& ec) { return map.insert(2, 5, ec); },
                 [&] { return map.insert(2, 5); }});
  all.push_back(
      {"erase", call::erase, ENOENT, true, [&](auto& ec) { return map.erase(1, ec); }, [&] { return map.erase(1); }});
  all.push_back({"extract", call::extract, ENOENT, true, [&](auto& ec) { return map.extract(1, ec).has_value(); },
                 [&] { return map.extract(1).has_value(); }});
  return all;
}

// at() gives a value also when it fails, so it is looked at apart.
template <class Map>
void check_at(Map const& map, std::string const& type, std::size_t value) {
  std::string const subject = "'flows' (" + type + ", key 4, value " + std::to_string(value) + ")";
  operation const op{"at", call::lookup, ENOENT, false, {}, [&] { return map.at(1) != 0; }};
  for (known_errno const& answer : known) {
    BOOST_TEST_CONTEXT("at answered by " << answer.symbol) {
      fake::fail(call::lookup, answer.number);
      std::error_code ec;
      BOOST_TEST(map.at(1, ec) == typename Map::mapped_type{});
      BOOST_TEST(ec.value() == answer.number);
      check_throwing(op, answer, subject, type, false);
    }
  }
}

template <template <class...> class Map, class... Arguments>
void check_hash(std::string const& type) {
  auto const map = test::filled<Map<std::uint32_t, std::uint64_t, Arguments...>>(3);
  check_all(hash_operations(map), type, 8, false);
  map.insert_or_assign(1, 7);
  check_at(map, type, 8);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(elements, test::ring)

BOOST_AUTO_TEST_CASE(of_a_hash_turn_every_errno_into_what_is_documented) { check_hash<bpfmap::hash>("hash"); }
BOOST_AUTO_TEST_CASE(of_an_lru_hash_turn_every_errno_into_what_is_documented) {
  check_hash<bpfmap::lru_hash>("lru_hash");
}
BOOST_AUTO_TEST_CASE(of_a_percpu_hash_turn_every_errno_into_what_is_documented) {
  check_hash<bpfmap::percpu_hash>("percpu_hash");
}
BOOST_AUTO_TEST_CASE(of_an_lru_percpu_hash_turn_every_errno_into_what_is_documented) {
  check_hash<bpfmap::lru_percpu_hash>("lru_percpu_hash");
}

BOOST_AUTO_TEST_CASE(of_an_array_turn_every_errno_into_what_is_documented) {
  auto const map = test::map_with<test::table>({});
  check_all(common_operations(map, E2BIG), "array", 8, true);
  check_at(map, "array", 8);
}

BOOST_AUTO_TEST_CASE(of_a_percpu_array_turn_every_errno_into_what_is_documented) {
  auto const map = test::map_with<test::drops>({});
  check_all(common_operations(map, E2BIG), "percpu_array", 8, true);
  check_at(map, "percpu_array", 8);
}

BOOST_AUTO_TEST_CASE(that_are_absent_or_present_are_values_and_never_throw) {
  auto const map = test::filled<test::flows>(2);
  BOOST_TEST(!map.find(9).has_value());
  BOOST_TEST(!map.contains(9));
  BOOST_TEST(!map.insert(1, 100));
  BOOST_TEST(map.at(1) == 2U);
  BOOST_TEST(!map.assign(9, 100));
  BOOST_TEST(!map.contains(9));
  BOOST_TEST(!map.erase(9));
  BOOST_TEST(!map.extract(9).has_value());
  BOOST_TEST(map.insert(9, 100));
  BOOST_TEST(map.assign(9, 101));
  BOOST_TEST(map.extract(9).value() == 101U);
  BOOST_CHECK_EXCEPTION((void)map.at(9), std::out_of_range, [](std::out_of_range const& absent) {
    return std::string(absent.what()) == "at on 'flows' (hash, key 4, value 8): no such key";
  });
}

BOOST_AUTO_TEST_CASE(fill_a_hash_to_its_last_entry_and_no_further) {
  auto const map = test::filled<test::flows>(16);
  BOOST_TEST(test::code_of([&](auto& ec) { map.insert_or_assign(99, 1, ec); }).value() == E2BIG);
  BOOST_TEST(test::code_of([&](auto& ec) { map.insert_or_assign(15, 1, ec); }).value() == 0);
  BOOST_TEST(test::message_of([&] { map.insert(99, 1); }) ==
             "insert on 'flows' (hash, key 4, value 8): Argument list too long [E2BIG]: the map already holds its 16 "
             "entries");
}

BOOST_AUTO_TEST_CASE(drop_older_ones_of_a_full_lru_hash) {
  auto const map = test::filled<bpfmap::lru_hash<std::uint32_t, std::uint64_t>>(40);
  BOOST_TEST(map.contains(39));
  BOOST_TEST(!map.contains(0));
}

BOOST_AUTO_TEST_CASE(of_an_array_out_of_range_are_absent_to_read_and_an_error_to_write) {
  auto const map = test::map_with<test::table>({});
  BOOST_TEST(!map.find(16).has_value());
  BOOST_TEST(!map.assign(16, 1));
  BOOST_TEST(map.assign(15, 1));
  BOOST_TEST(has(test::message_of([&] { map.insert_or_assign(16, 1); }),
                 "[E2BIG]: the index is out of range: the map has 16 entries"));
}

BOOST_AUTO_TEST_CASE(reach_the_kernel_with_the_flags_that_their_names_promise) {
  auto const map = test::filled<test::flows>(1);
  map.insert(1, 1);
  BOOST_TEST(fake::last_update_flags() == std::uint64_t{BPF_NOEXIST});
  map.assign(1, 1);
  BOOST_TEST(fake::last_update_flags() == std::uint64_t{BPF_EXIST});
  map.insert_or_assign(1, 1);
  BOOST_TEST(fake::last_update_flags() == std::uint64_t{BPF_ANY});
}

BOOST_AUTO_TEST_CASE(cost_one_system_call_each) {
  auto const map = test::filled<test::flows>(3);
  auto const hits = test::filled<test::hits>(3);
  auto const total = [] {
    std::size_t sum = 0;
    for (int i = 0; i < static_cast<int>(call::count_); ++i) sum += fake::calls(static_cast<call>(i));
    return sum;
  };
  auto const each = [&](auto const& of) {
    std::size_t const before = total();
    (void)of.find(1), (void)of.at(1), (void)of.contains(1), of.insert(7, 1), of.assign(7, 1);
    of.insert_or_assign(7, 1), of.erase(7), (void)of.extract(1);
    BOOST_TEST(total() - before == 8U);
  };
  each(map);
  each(hits);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct guarded {
  bpf_spin_lock lock;
  std::uint32_t count;
  std::uint64_t bytes;
};
using guarded_map = bpfmap::hash<std::uint32_t, guarded>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(locked_elements, test::ring)

BOOST_AUTO_TEST_CASE(reach_the_kernel_with_the_lock_flag_beside_the_others) {
  auto const map = test::map_with<guarded_map>({.value_size = sizeof(guarded)});
  fake::give_lock(map.fd());
  BOOST_TEST(map.insert(1, {{}, 3, 4}, bpfmap::locked));
  BOOST_TEST(fake::last_update_flags() == std::uint64_t{BPF_F_LOCK | BPF_NOEXIST});
  BOOST_TEST(map.assign(1, {{}, 5, 6}, bpfmap::locked));
  BOOST_TEST(fake::last_update_flags() == std::uint64_t{BPF_F_LOCK | BPF_EXIST});
  map.insert_or_assign(1, {{}, 7, 8}, bpfmap::locked);
  BOOST_TEST(fake::last_update_flags() == std::uint64_t{BPF_F_LOCK});
  BOOST_TEST(map.find(1, bpfmap::locked).value().count == 7U);
  BOOST_TEST(fake::last_lookup_flags() == std::uint64_t{BPF_F_LOCK});
  BOOST_TEST(map.at(1, bpfmap::locked).bytes == 8U);
  BOOST_TEST(map.find(1).value().bytes == 8U);
  BOOST_TEST(fake::last_lookup_flags() == 0U);
  std::error_code ec;
  BOOST_TEST(!map.insert(1, {{}, 3, 4}, bpfmap::locked, ec));
  BOOST_TEST(!ec);
  BOOST_TEST(!map.assign(2, {{}, 3, 4}, bpfmap::locked, ec));
  BOOST_TEST(!ec);
  BOOST_TEST(!map.find(2, bpfmap::locked, ec).has_value());
  BOOST_TEST(!ec);
  map.insert_or_assign(2, {{}, 3, 4}, bpfmap::locked, ec);
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(are_an_error_where_the_kernel_knows_of_no_lock) {
  auto const map = test::map_with<guarded_map>({.value_size = sizeof(guarded)});
  map.insert_or_assign(1, {{}, 3, 4});
  BOOST_TEST(test::code_of([&](auto& ec) { (void)map.find(1, bpfmap::locked, ec); }).value() == EINVAL);
  BOOST_TEST(test::error_of([&] { (void)map.find(1, bpfmap::locked); }).operation == "find");
  BOOST_TEST(test::error_of([&] { (void)map.at(1, bpfmap::locked); }).operation == "at");
  BOOST_TEST(test::error_of([&] { map.insert(2, {}, bpfmap::locked); }).operation == "insert");
  BOOST_TEST(test::error_of([&] { map.assign(1, {}, bpfmap::locked); }).operation == "assign");
  BOOST_TEST(test::error_of([&] { map.insert_or_assign(1, {}, bpfmap::locked); }).operation == "insert_or_assign");
}

// Every function that can throw has a twin.
template <class Map>
concept has_locked_at_twin = requires(Map const& map, std::error_code& ec) { map.at(1, bpfmap::locked, ec); };

BOOST_AUTO_TEST_CASE(have_a_twin_of_at_that_does_not_throw) { BOOST_TEST(has_locked_at_twin<guarded_map>); }

BOOST_AUTO_TEST_SUITE_END()
