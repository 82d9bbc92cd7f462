// SPDX-License-Identifier: MIT
// queue, stack and bloom_filter: what each errno of the kernel becomes, in both styles. And tries, whose errnos differ
// from those of hashes.
#include "ring.hpp"

#include <functional>
#include <string>
#include <vector>

namespace {

using fake::call;
using test::has;
using namespace bpfmap::literals;

constexpr int enotsupp = 524;
constexpr int known[] = {EPERM, ENOENT, E2BIG,  EBADF,  EAGAIN,     ENOMEM,  EACCES,   EFAULT,
                         EBUSY, EEXIST, EINVAL, ENOSPC, EOPNOTSUPP, EDEADLK, enotsupp, ETIMEDOUT};

using jobs = bpfmap::queue<std::uint64_t>;
using piles = bpfmap::stack<std::uint64_t>;
using filter = bpfmap::bloom_filter<std::uint64_t>;
using routes = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, std::uint64_t>;

struct operation {
  std::string name;
  call which;
  int means_no;  // the errno that is the value false or nothing; 0: none is
  std::function<bool(std::error_code&)> twin;
  std::function<bool()> throwing;
};

void check_all(std::vector<operation> const& operations) {
  for (operation const& op : operations) {
    for (int const number : known) {
      BOOST_TEST_CONTEXT(op.name << " answered by " << bpfmap::errno_symbol(number)) {
        bool result = true;
        fake::fail(op.which, number);
        std::error_code const ec = test::code_of([&](std::error_code& code) { result = op.twin(code); });
        BOOST_TEST(!result);
        BOOST_TEST(ec.value() == (number == op.means_no ? 0 : number));
        fake::fail(op.which, number);
        if (number == op.means_no) {
          BOOST_CHECK_NO_THROW(result = op.throwing());
          BOOST_TEST(!result);
        } else {
          auto const error = test::error_of([&] { op.throwing(); });
          BOOST_TEST(error.operation == op.name);
          BOOST_TEST(error.code.value() == number);
          if (number == EPERM) BOOST_TEST(!error.hint.empty());
        }
      }
    }
  }
}

template <class List>
std::vector<operation> operations_of(List const& list) {
  return {
      {"push", call::update, E2BIG, [&](auto& ec) { return list.push(1, ec); }, [&] { return list.push(1); }},
      {"push", call::update, 0, [&](auto& ec) { return list.push(1, bpfmap::displacing, ec), !ec; },
       [&] { return list.push(1, bpfmap::displacing), true; }},
      {"pop", call::extract, ENOENT, [&](auto& ec) { return list.pop(ec).has_value(); },
       [&] { return list.pop().has_value(); }},
      {"peek", call::lookup, ENOENT, [&](auto& ec) { return list.peek(ec).has_value(); },
       [&] { return list.peek().has_value(); }},
      {"drain", call::extract, ENOENT, [&](auto& ec) { return list.drain([](auto) {}, ec) != 0; },
       [&] { return list.drain([](auto) {}) != 0; }},
  };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(keyless, test::ring)

BOOST_AUTO_TEST_CASE(every_errno_of_a_queue_and_a_stack) {
  check_all(operations_of(test::map_with<jobs>({.key_size = 0})));
  check_all(operations_of(test::map_with<piles>({.key_size = 0})));
}

BOOST_AUTO_TEST_CASE(every_errno_of_a_bloom_filter) {
  auto const seen = test::map_with<filter>({.key_size = 0});
  check_all({
      {"insert", call::update, 0, [&](auto& ec) { return seen.insert(1, ec), !ec; },
       [&] { return seen.insert(1), true; }},
      {"might_contain", call::lookup, ENOENT, [&](auto& ec) { return seen.might_contain(1, ec); },
       [&] { return seen.might_contain(1); }},
  });
}

BOOST_AUTO_TEST_CASE(every_errno_of_a_trie) {
  auto const trie = test::map_with<routes>({.key_size = 8, .flags = bpfmap::map_flags::no_prealloc});
  auto const lan = "10.0.0.0/8"_cidr;
  check_all({
      {"find", call::lookup, ENOENT, [&](auto& ec) { return trie.find("10.0.0.1"_ip, ec).has_value(); },
       [&] { return trie.find("10.0.0.1"_ip).has_value(); }},
      {"contains", call::lookup, ENOENT, [&](auto& ec) { return trie.contains("10.0.0.1"_ip, ec); },
       [&] { return trie.contains("10.0.0.1"_ip); }},
      {"insert", call::update, EEXIST, [&](auto& ec) { return trie.insert(lan, 1, ec); },
       [&] { return trie.insert(lan, 1); }},
      {"assign", call::update, ENOENT, [&](auto& ec) { return trie.assign(lan, 1, ec); },
       [&] { return trie.assign(lan, 1); }},
      {"insert_or_assign", call::update, 0, [&](auto& ec) { return trie.insert_or_assign(lan, 1, ec), !ec; },
       [&] { return trie.insert_or_assign(lan, 1), true; }},
      {"erase", call::erase, ENOENT, [&](auto& ec) { return trie.erase(lan, ec); }, [&] { return trie.erase(lan); }},
  });
  fake::fail(call::update, ENOSPC);
  BOOST_TEST(has(test::message_of([&] { trie.insert(lan, 1); }), "the map already holds its 16 entries"));
}

BOOST_AUTO_TEST_CASE(only_a_displacing_push_may_displace) {
  auto const list = test::map_with<jobs>({.key_size = 0});
  std::error_code ec;
  list.push(1, ec);
  BOOST_TEST(fake::last_update_flags() == 0U);
  list.push(1, bpfmap::displacing, ec);
  BOOST_TEST(fake::last_update_flags() == 2U);
}

BOOST_AUTO_TEST_CASE(a_full_trie_is_no_place_to_hint_at_e2big) {
  auto const trie = test::map_with<routes>({.key_size = 8, .flags = bpfmap::map_flags::no_prealloc});
  fake::fail(call::update, E2BIG);
  BOOST_TEST(test::error_of([&] { trie.insert("10.0.0.0/8"_cidr, 1); }).hint.empty());
}

BOOST_AUTO_TEST_CASE(size_is_not_supported_where_the_kernel_tells_no_place) {
  // The fake kernel's BTF has no structs.
  auto const list = test::map_with<jobs>({.key_size = 0});
  std::error_code const ec = test::code_of([&](std::error_code& code) { BOOST_TEST(list.size(code) == 0U); });
  BOOST_TEST((ec == std::errc::operation_not_supported));
  BOOST_TEST(has(test::message_of([&] { static_cast<void>(list.size()); }), "CAP_PERFMON"));
  BOOST_TEST(fake::calls(call::program_load) == 0U);
  BOOST_TEST(fake::calls(call::next_key) == 0U, "a queue cannot be walked");
  BOOST_TEST((list.counted_by() == bpfmap::counting::none));
  jobs const none;
  BOOST_TEST((test::code_of([&](std::error_code& code) { static_cast<void>(none.size(code)); }).value() == EBADF));
}

BOOST_AUTO_TEST_CASE(a_filter_is_created_with_its_hash_functions) {
  static_cast<void>(test::code_of([&](std::error_code& ec) {
    static_cast<void>(filter::create({.name = "seen", .max_entries = 7, .hash_functions = 3}, ec));
  }));
  BOOST_TEST(fake::last_created().map_extra == 3U);
  BOOST_TEST(fake::last_created().key_size == 0U);
  auto const calls = fake::calls(call::map_create);
  for (std::uint32_t const wrong : {0U, 16U}) {
    auto const ec = test::code_of([&](std::error_code& code) {
      static_cast<void>(filter::create({.max_entries = 7, .hash_functions = wrong}, code));
    });
    BOOST_TEST(ec.value() == EINVAL);
  }
  BOOST_TEST(fake::calls(call::map_create) == calls);
}

BOOST_AUTO_TEST_SUITE_END()
