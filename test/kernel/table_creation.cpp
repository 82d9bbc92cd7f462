// SPDX-License-Identifier: MIT
// The other half of the table: sizes, entries, flags, BTF, and what else BPF_MAP_CREATE takes or refuses for a type.
#include "../support/kernel.hpp"
#include "table_specimen.hpp"

#include <functional>
#include <memory>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace ut = boost::unit_test;
namespace flags = bpfmap::map_flags;

using bpfmap::btf_rule;
using bpfmap::capability;
using bpfmap::entries_rule;
using bpfmap::kernel_version;
using bpfmap::key_kind;
using bpfmap::map_traits;
using bpfmap::map_type;
using bpfmap::unique_fd;
using bpfmap::value_kind;
using bpfmap::sys::map_shape;

namespace {

/// What BPF_MAP_CREATE answers: 0, or the errno.
int answer(map_traits const& row, map_shape const& shape) {
  unique_fd const map(test::create(row, shape));
  return map ? 0 : errno;
}

map_shape plain(map_traits const& row) {
  map_shape shape = test::small_shape(row);
  shape.flags = row.flags_required;
  return shape;
}

template <class T>
int with(map_traits const& row, T map_shape::*what, T value) {
  map_shape shape = plain(row);
  shape.*what = value;
  return answer(row, shape);
}

bool is_exact(std::uint32_t limit) { return limit < bpfmap::detail::kmalloc_max; }

// Limits that old kernels have lower: a hash's key of 512 bytes, a cgroup storage's value of a page.
bool has_full_sizes(map_traits const& row) {
  if (row.key == key_kind::bytes) return test::running_kernel() >= kernel_version{5, 11};
  return row.key != key_kind::cgroup || test::running_kernel() >= kernel_version{6, 1};
}

void check_sizes(map_traits const& row) {
  auto const check = [&](std::uint32_t map_shape::*size, std::uint32_t least, std::uint32_t most, char const* what) {
    BOOST_TEST_CONTEXT(what << " of " << least << " to " << most << " bytes") {
      BOOST_TEST(with(row, size, least) == 0);
      if (least > 0) BOOST_TEST(with(row, size, least - 1) != 0);
      if (is_exact(most) && has_full_sizes(row)) {
        map_shape largest = plain(row);
        largest.*size = most;
        if (row.value == value_kind::stack) largest.flags |= flags::stack_build_id;
        BOOST_TEST(answer(row, largest) == 0);
      }
      BOOST_TEST(with(row, size, most + 1) != 0);
    }
  };
  check(&map_shape::key_size, row.min_key_size, row.max_key_size, "a key");
  if (row.value == value_kind::struct_ops) {
    std::uint32_t const size = plain(row).value_size;  // the kernel's own, and no other
    check(&map_shape::value_size, size, size, "a value");
  } else {
    check(&map_shape::value_size, row.min_value_size, row.max_value_size, "a value");
  }
}

void check_entries(map_traits const& row) {
  auto const entries = [&](std::uint32_t count) { return with(row, &map_shape::max_entries, count); };
  auto const page = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  BOOST_TEST_CONTEXT("max_entries") {
    switch (row.entries) {
      case entries_rule::at_least_one:
      case entries_rule::pages:
        BOOST_TEST(entries(0) != 0);
        BOOST_TEST(entries(1) == 0);
        BOOST_TEST(entries(2) == 0);
        break;
      case entries_rule::zero:
        BOOST_TEST(entries(0) == 0);
        BOOST_TEST(entries(1) != 0);
        break;
      case entries_rule::one:
        BOOST_TEST(entries(0) != 0);
        BOOST_TEST(entries(1) == 0);
        BOOST_TEST(entries(2) != 0);
        break;
      case entries_rule::ring_bytes:
        BOOST_TEST(entries(0) != 0);
        BOOST_TEST(entries(page) == 0);
        BOOST_TEST(entries(3 * page) != 0);
        BOOST_TEST(entries(page / 2) != 0);
        break;
    }
  }
}

struct flag {
  char const* name;
  std::uint32_t bit;
  kernel_version since{};
};
// Left out: path_fd, vtype_btf_obj_fd and token_fd say that another field holds a descriptor.
constexpr flag all_flags[] = {
    {"no_prealloc", flags::no_prealloc},
    {"no_common_lru", flags::no_common_lru},
    {"numa_node", flags::numa_node},
    {"rdonly", flags::rdonly},
    {"wronly", flags::wronly},
    {"stack_build_id", flags::stack_build_id},
    {"zero_seed", flags::zero_seed},
    {"rdonly_prog", flags::rdonly_prog},
    {"wronly_prog", flags::wronly_prog},
    {"clone", flags::clone},
    {"mmapable", flags::mmapable},
    {"preserve_elems", flags::preserve_elems},
    {"inner_map", flags::inner_map},
    {"link", flags::link, {6, 4}},
    {"segv_on_fault", flags::segv_on_fault, {6, 9}},
    {"no_user_conv", flags::no_user_conv, {6, 9}},
    {"rb_overwrite", flags::rb_overwrite, {6, 19}},
};

void check_flags(map_traits const& row) {
  for (flag const& each : all_flags) {
    BOOST_TEST_CONTEXT("flag " << each.name) {
      bool const allowed = (row.flags_allowed & each.bit) != 0 && test::running_kernel() >= each.since;
      int const said = with(row, &map_shape::flags, row.flags_required | each.bit);
      BOOST_TEST((said == 0) == allowed, "errno " << said);
      if ((row.flags_required & each.bit) != 0) BOOST_TEST(with(row, &map_shape::flags, 0U) != 0);
    }
  }
  BOOST_TEST((row.flags_required & ~row.flags_allowed) == 0U);
  unique_fd const map(test::create(row, plain(row)));
  bpfmap::sys::raw_map_info info{};
  BOOST_TEST_REQUIRE(bpfmap::sys::map_info(map.get(), info) == 0);
  BOOST_TEST(info.map_flags == (row.flags_required | row.flags_added));
}

void check_map_extra(map_traits const& row) {
  std::uint64_t const extra = row.entries == entries_rule::pages ? std::uint64_t{1} << 44 : 1;
  BOOST_TEST((with(row, &map_shape::map_extra, extra) == 0) == row.map_extra, "map_extra " << extra);
}

/// Creates a map of maps whose inner maps are like this one.
void check_inner(map_traits const& row) {
  unique_fd const inner(test::create(row, plain(row)));
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.inner_map_fd = static_cast<std::uint32_t>(inner.get());
  unique_fd const outer(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "outer", 4, 4, 1, &options));
  BOOST_TEST(static_cast<bool>(outer) == row.inner, "as an inner map: errno " << (outer ? 0 : errno));
}

/// BTF of key and value as the kernel wants them for this row; the value with a lock if so asked.
struct described {
  std::unique_ptr<struct btf, decltype(&btf__free)> types{btf__new_empty(), btf__free};
  int key = 0;
  int value = 0;

  described(map_traits const& row, map_shape const& shape, bool with_lock) {
    struct btf* const to = types.get();
    int const byte = btf__add_int(to, "unsigned char", 1, 0);
    int const number = btf__add_int(to, "int", 4, BTF_INT_SIGNED);
    int const word = btf__add_int(to, "unsigned long", 8, 0);
    auto const bytes = [&](std::uint32_t count) { return btf__add_array(to, number, byte, count); };
    if (row.key == key_kind::prefix) {
      int const data = bytes(shape.key_size - 4);
      key = btf__add_struct(to, "prefix_key", shape.key_size);
      btf__add_field(to, "length", number, 0, 0);
      btf__add_field(to, "data", data, 32, 0);
    } else if (row.key == key_kind::cgroup) {
      key = btf__add_struct(to, "bpf_cgroup_storage_key", shape.key_size);
      btf__add_field(to, "cgroup_inode_id", word, 0, 0);
      btf__add_field(to, "attach_type", number, 64, 0);
    } else if (shape.key_size != 0) {
      key = number;
    }
    if (with_lock) {
      int const lock = btf__add_struct(to, "bpf_spin_lock", 4);
      btf__add_field(to, "val", number, 0, 0);
      value = btf__add_struct(to, "locked", 8);
      btf__add_field(to, "lock", lock, 0, 0);
      btf__add_field(to, "count", number, 32, 0);
    } else {
      value = shape.value_size == 4 ? number : bytes(shape.value_size);
    }
    BOOST_REQUIRE(btf__load_into_kernel(to) == 0);
  }
};

int answer_with_btf(map_traits const& row, bool with_lock) {
  map_shape const shape = plain(row);
  described const btf(row, shape, with_lock);
  unique_fd inner;
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = shape.flags;
  options.btf_fd = static_cast<std::uint32_t>(btf__fd(btf.types.get()));
  options.btf_key_type_id = static_cast<std::uint32_t>(btf.key);
  options.btf_value_type_id = static_cast<std::uint32_t>(btf.value);
  if (row.value == value_kind::map) {
    inner.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner", 4, 8, 1, nullptr));
    options.inner_map_fd = static_cast<std::uint32_t>(inner.get());
  }
  unique_fd const map(bpf_map_create(static_cast<bpf_map_type>(shape.type), shape.name, shape.key_size,
                                     shape.value_size, shape.max_entries, &options));
  return map ? 0 : errno;
}

int answer_without_btf(map_traits const& row) {
  unique_fd const map(bpfmap::sys::map_create(plain(row)));
  return map ? 0 : errno;
}

void check_btf(map_traits const& row) {
  bool const taken = row.btf == btf_rule::optional || row.btf == btf_rule::required;
  if (row.value != value_kind::none && row.btf != btf_rule::vmlinux) {
    int const said = answer_with_btf(row, false);
    BOOST_TEST((said == 0) == taken, "with BTF: errno " << said);
  }
  if (row.btf == btf_rule::required || row.btf == btf_rule::vmlinux) BOOST_TEST(answer_without_btf(row) != 0);
  if (plain(row).value_size == 8) {
    int const said = answer_with_btf(row, true);
    BOOST_TEST((said == 0) == row.spin_lock, "with a bpf_spin_lock in the value: errno " << said);
  } else {
    BOOST_TEST(!row.spin_lock);
  }
}

/// What `f` answers in a child with these capabilities and no others.
int with_capabilities(std::uint64_t set, std::function<int()> const& f) {
  pid_t const child = ::fork();
  if (child == 0) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    auto const low = static_cast<std::uint32_t>(set);
    auto const high = static_cast<std::uint32_t>(set >> 32);
    __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
    try {
      ::_exit(::syscall(SYS_capset, &header, data) == 0 ? f() : 255);
    } catch (...) {
      ::_exit(254);  // this process must not go on as a second run of the tests
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void check_capabilities(map_traits const& row) {
  constexpr std::uint64_t bpf = std::uint64_t{1} << CAP_BPF;
  constexpr std::uint64_t net_admin = std::uint64_t{1} << CAP_NET_ADMIN;
  auto const make = [&] { return answer(row, plain(row)); };
  BOOST_TEST(with_capabilities(bpf | net_admin, make) == 0);
  BOOST_TEST(with_capabilities(bpf, make) == (row.needs == capability::bpf_and_net_admin ? EPERM : 0));
  // A capability of its own shows only where the system lets everyone create maps.
  if (row.needs != capability::none) BOOST_TEST(with_capabilities(net_admin, make) == EPERM);
}

void check_row(map_traits const& row) {
  test::no_leak const watched;
  BOOST_TEST_REQUIRE(answer(row, plain(row)) == 0);
  check_sizes(row);
  check_entries(row);
  check_flags(row);
  check_map_extra(row);
  check_inner(row);
  check_btf(row);
  check_capabilities(row);
}

bool const registered = [] {
  auto* const suite = BOOST_TEST_SUITE("the_kernel_creates_what_the_table_says_of");
  for (map_traits const& row : bpfmap::all_traits()) {
    auto* const unit = ut::make_test_case([&row] { check_row(row); }, std::string(row.name), __FILE__, __LINE__);
    unit->add_precondition(test::since{row.since});
    suite->add(unit);
  }
  ut::framework::master_test_suite().add(suite);
  return true;
}();

}  // namespace
