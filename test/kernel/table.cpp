// SPDX-License-Identifier: MIT
// The table of traits says what the running kernel does: every row's map is created with a real element, and each
// command and each errno of the row is tried on it.
#include "../support/kernel.hpp"
#include "table_specimen.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <sys/mman.h>

namespace ut = boost::unit_test;
namespace sys = bpfmap::sys;

using bpfmap::command_support;
using bpfmap::counting;
using bpfmap::element_errnos;
using bpfmap::map_traits;
using bpfmap::support;
using bpfmap::value_kind;
using test::bytes;
using test::specimen;

namespace {

constexpr std::size_t commands_in_a_row = sizeof(command_support) / sizeof(support);
constexpr std::size_t errnos_in_a_row = sizeof(element_errnos) / sizeof(int);

/// What was checked in the rows of all cases that ran; printed at the end.
struct tally {
  std::size_t types = 0;
  std::size_t works = 0;
  std::size_t refused = 0;
  std::size_t too_new = 0;  // commands that the running kernel does not have yet, and refuses
  std::size_t errnos = 0;
  std::size_t no_meaning = 0;  // errnos of commands that the type does not have

  void print() const {
    std::printf(
        "table: %zu types; %zu commands checked (%zu work, %zu are refused, %zu refused before their kernel), "
        "%zu errnos checked, %zu without a command\n",
        types, works + refused + too_new, works, refused, too_new, errnos, no_meaning);
  }
};
tally& checked() {
  static tally all;
  return all;
}

struct print_at_the_end {
  ~print_at_the_end() { checked().print(); }
};
BOOST_TEST_GLOBAL_FIXTURE(print_at_the_end);

/// Whether a lookup gives what was stored, byte by byte.
bool reads_back(map_traits const& row) {
  return row.value == value_kind::bytes || row.value == value_kind::percpu || row.value == value_kind::device ||
         row.value == value_kind::cpu_queue;
}

void expect_value(specimen const& of, bytes const& read) {
  if (reads_back(of.row)) {
    BOOST_TEST(std::equal(of.value.begin(), of.value.end(), read.begin()), "another value comes back");
  } else if (of.row.value != value_kind::instruction) {  // an id, a cookie, addresses or a state
    BOOST_TEST(std::any_of(read.begin(), read.end(), [](std::byte b) { return b != std::byte{}; }), "zeros come back");
  }
}

bool same_key(specimen const& of, bytes const& key) {
  std::size_t const compared = of.row.key == bpfmap::key_kind::cgroup ? 12 : of.key.size();  // padding is anything
  return std::equal(of.key.begin(), of.key.begin() + static_cast<std::ptrdiff_t>(compared), key.begin());
}

int look_up(specimen& of, void const* key, bytes& value) {
  value.assign(std::max<std::size_t>(of.room, 1), std::byte{});
  if (of.row.key == bpfmap::key_kind::none) value = of.value.empty() ? value : of.value;  // a bloom filter reads it
  return sys::map_lookup(of.map.get(), key, value.data());
}

void expect_absent(specimen& of, void const* key) {
  if (!of.row.commands.lookup) return;
  bytes value;
  BOOST_TEST(look_up(of, key, value) == -of.row.errnos.absent);
}

/// Puts the element in, if elements can be put in at all.
void fill(specimen& of) {
  if (of.row.commands.update || of.row.key == bpfmap::key_kind::stack_id) BOOST_TEST_REQUIRE(of.store() == 0);
}

// ---- one function for each command: what it answers, and, if it worked, whether it did what it is for ----

int lookup(specimen& of) {
  fill(of);
  bytes value;
  int const result = look_up(of, of.key_pointer(), value);
  if (result == 0) expect_value(of, value);
  return result;
}

int update(specimen& of) {
  int const result = of.row.commands.update ? of.store() : of.update(of.key_pointer(), of.value, 0);
  if (result == 0 && of.row.commands.lookup) {
    bytes value;
    BOOST_TEST(look_up(of, of.key_pointer(), value) == 0);
    expect_value(of, value);
  }
  return result;
}

int erase(specimen& of) {
  fill(of);
  int const result = sys::map_delete(of.map.get(), of.key_pointer());
  if (result == 0 && of.row.count != counting::constant) expect_absent(of, of.key_pointer());
  return result;
}

/// The element was the only one.
void expect_the_end(specimen& of, bytes const& last) {
  bytes next(last.size());
  int const result = sys::map_next_key(of.map.get(), last.data(), next.data());
  // Linux 6.18.15 takes the head of its list of cgroups for one more element, whose key is anything.
  if (result == 0 && of.row.key == bpfmap::key_kind::cgroup) return expect_absent(of, next.data());
  BOOST_TEST(result == -ENOENT);
}

/// How many keys bpfmap finds.
unsigned keys_of_a_walk(specimen const& of) {
  bpfmap::detail::block_walker walker({.fd = of.map.get(),
                                       .type = of.row.type,
                                       .key_size = of.shape.key_size,
                                       .element_bytes = of.room,
                                       .max_entries = of.shape.max_entries,
                                       .keys_only = true});
  std::error_code ec;
  unsigned count = 0;
  while (std::uint32_t const block = walker.next(ec)) count += block;
  BOOST_TEST(!ec, ec.message());
  return count;
}

int next_key(specimen& of) {
  fill(of);
  bytes next(std::max<std::size_t>(of.key.size(), 8));
  int const result = sys::map_next_key(of.map.get(), nullptr, next.data());
  if (result == 0) {
    BOOST_TEST(same_key(of, next), "another key comes first");
    BOOST_TEST(keys_of_a_walk(of) == 1U);
    expect_the_end(of, next);
  }
  return result;
}

int lookup_and_delete(specimen& of) {
  fill(of);
  bytes value(std::max<std::size_t>(of.room, 1));
  int const result = sys::map_extract(of.map.get(), of.key_pointer(), value.data());
  if (result == 0) {
    expect_value(of, value);
    expect_absent(of, of.key_pointer());
  }
  return result;
}

template <class Command>
int read_batch(specimen& of, Command command) {
  fill(of);
  std::uint32_t count = std::max(of.shape.max_entries, 1U);
  bytes cursor(std::max<std::size_t>(of.key.size(), 8));
  bytes keys(count * std::max<std::size_t>(of.key.size(), 1));
  bytes values(count * std::max<std::size_t>(of.room, 1));
  int const result = command(of.map.get(), nullptr, cursor.data(), keys.data(), values.data(), &count, nullptr);
  if (result != 0 && result != -ENOENT) return result;  // ENOENT: and that was all
  BOOST_TEST(count == 1U);
  BOOST_TEST(same_key(of, keys));
  expect_value(of, values);
  return 0;
}

int lookup_batch(specimen& of) { return read_batch(of, bpf_map_lookup_batch); }

int lookup_and_delete_batch(specimen& of) {
  int const result = read_batch(of, bpf_map_lookup_and_delete_batch);
  if (result == 0) expect_absent(of, of.key_pointer());
  return result;
}

int update_batch(specimen& of) {
  std::uint32_t count = 1;
  int const result = bpf_map_update_batch(of.map.get(), of.key_pointer(), of.value.data(), &count, nullptr);
  if (result == 0) {
    bytes value;
    BOOST_TEST(count == 1U);
    BOOST_TEST(look_up(of, of.key_pointer(), value) == 0);
    expect_value(of, value);
  }
  return result;
}

int delete_batch(specimen& of) {
  fill(of);
  std::uint32_t count = 1;
  int const result = bpf_map_delete_batch(of.map.get(), of.key_pointer(), &count, nullptr);
  if (result == 0) {
    BOOST_TEST(count == 1U);
    expect_absent(of, of.key_pointer());
  }
  return result;
}

int map_memory(specimen& of) {
  if (of.row.key != bpfmap::key_kind::none) fill(of);
  auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const memory = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, of.map.get(), 0);
  if (memory == MAP_FAILED) return -errno;
  if (of.row.value == value_kind::bytes) BOOST_TEST(std::memcmp(memory, of.value.data(), of.value.size()) == 0);
  ::munmap(memory, page);
  return 0;
}

int freeze(specimen& of) {
  fill(of);
  int const result = sys::map_freeze(of.map.get());
  if (result == 0 && of.row.commands.update) BOOST_TEST(of.update(of.key_pointer(), of.value, 0) == -EPERM);
  return result;
}

struct attempt {
  char const* name;
  bpfmap::command which;
  int (*run)(specimen&);
};
constexpr attempt attempts[] = {
    {"lookup", &command_support::lookup, lookup},
    {"update", &command_support::update, update},
    {"erase", &command_support::erase, erase},
    {"next_key", &command_support::next_key, next_key},
    {"lookup_and_delete", &command_support::lookup_and_delete, lookup_and_delete},
    {"lookup_batch", &command_support::lookup_batch, lookup_batch},
    {"update_batch", &command_support::update_batch, update_batch},
    {"delete_batch", &command_support::delete_batch, delete_batch},
    {"lookup_and_delete_batch", &command_support::lookup_and_delete_batch, lookup_and_delete_batch},
    {"mmap", &command_support::mmap, map_memory},
    {"freeze", &command_support::freeze, freeze},
};
static_assert(std::size(attempts) == commands_in_a_row, "a command of the table that nothing tries");

void check_command(map_traits const& row, attempt const& each) {
  support const said = row.commands.*each.which;
  BOOST_TEST_CONTEXT(row.name << ", " << each.name) {
    specimen of(row);
    int const result = each.run(of);
    if (!said) {
      BOOST_TEST(result == -said.refusal);
      ++checked().refused;
    } else if (test::running_kernel() < said.since) {
      BOOST_TEST(result < 0, "it works before Linux " << said.since.major << "." << said.since.minor);
      ++checked().too_new;
    } else {
      BOOST_TEST(result == 0);
      ++checked().works;
    }
  }
}

// ---- one function for each errno ----

int absent(specimen& of) {
  bytes value;
  return look_up(of, of.row.count == counting::constant ? of.beyond_pointer() : of.key_pointer(), value);
}

int full(specimen& of) {
  fill(of);
  if (of.row.errnos.full != 0) return of.update(of.beyond_pointer(), of.other_value, 0);
  // Never full: as many as four times what it was made for.
  int failed = of.update(of.beyond_pointer(), of.other_value, 0);
  for (std::uint32_t i = 0; i < 4 * of.shape.max_entries && failed == 0; ++i) {
    if (of.row.key == bpfmap::key_kind::bytes) {
      std::uint32_t const key = 100 + i;
      failed = of.update(&key, of.value, 0);
    } else {
      failed = of.update(of.key_pointer(), of.value, 0);
    }
  }
  return failed;
}

int noexist_on_present(specimen& of) {
  fill(of);
  return of.update(of.key_pointer(), of.other_value, bpfmap::elem_flags::noexist);
}

int exist_on_absent(specimen& of) {
  void const* const key = of.row.count == counting::constant ? of.beyond_pointer() : of.key_pointer();
  return of.update(key, of.value, bpfmap::elem_flags::exist);
}

int erase_absent(specimen& of) { return sys::map_delete(of.map.get(), of.key_pointer()); }

struct refusal {
  char const* name;
  int element_errnos::*which;
  bpfmap::command needs;  // an errno of a command that the type does not have means nothing
  int (*run)(specimen&);
  std::uint32_t more_room = 0;  // entries
};
constexpr refusal refusals[] = {
    {"absent", &element_errnos::absent, &command_support::lookup, absent},
    {"full", &element_errnos::full, &command_support::update, full},
    // A full trie of Linux 5.10 does not look whether the key is there.
    {"noexist_on_present", &element_errnos::noexist_on_present, &command_support::update, noexist_on_present, 1},
    {"exist_on_absent", &element_errnos::exist_on_absent, &command_support::update, exist_on_absent},
    {"erase_absent", &element_errnos::erase_absent, &command_support::erase, erase_absent},
};
static_assert(std::size(refusals) == errnos_in_a_row, "an errno of the table that nothing provokes");

void check_errno(map_traits const& row, refusal const& each) {
  if (!(row.commands.*each.needs)) {
    ++checked().no_meaning;
    return;
  }
  BOOST_TEST_CONTEXT(row.name << ", " << each.name) {
    specimen of(row, each.more_room);
    BOOST_TEST(each.run(of) == -(row.errnos.*each.which));
    ++checked().errnos;
  }
}

void check_row(map_traits const& row) {
  test::no_leak const watched;
  for (attempt const& each : attempts) check_command(row, each);
  for (refusal const& each : refusals) check_errno(row, each);
  ++checked().types;
}

// A case for each type: named by it, and skipped where the kernel is too old for it.
bool const registered = [] {
  auto* const suite = BOOST_TEST_SUITE("the_kernel_does_what_the_table_says_of");
  for (map_traits const& row : bpfmap::all_traits()) {
    auto* const unit = ut::make_test_case([&row] { check_row(row); }, std::string(row.name), __FILE__, __LINE__);
    unit->add_precondition(test::since{row.since});
    suite->add(unit);
  }
  ut::framework::master_test_suite().add(suite);
  return true;
}();

}  // namespace

BOOST_AUTO_TEST_SUITE(table, *ut::precondition(test::may_use_bpf))

BOOST_AUTO_TEST_CASE(types_that_the_kernel_is_too_old_for_are_refused) {
  for (map_traits const& row : bpfmap::all_traits()) {
    if (test::running_kernel() >= row.since) continue;
    BOOST_TEST(test::create(row, test::small_shape(row)) == -EINVAL, row.name << " exists before its kernel");
  }
  bpfmap::sys::map_shape unknown = test::small_shape(bpfmap::traits_of(bpfmap::map_type::hash));
  unknown.type = bpfmap::map_type{200};
  BOOST_TEST(sys::map_create(unknown) == -EINVAL);
}

BOOST_AUTO_TEST_SUITE_END()
