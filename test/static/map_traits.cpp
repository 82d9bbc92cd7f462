// SPDX-License-Identifier: MIT
// core/map_traits.hpp: whether the rows of the table can be true, and agree with each other. Whether they
// are true only the kernel knows: the kernel ring asks it.

#include <bpfmap/core/map_traits.hpp>

#include "print.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace bpfmap;
using enum map_type;

constexpr std::pair<std::string_view, command> commands[] = {
    {"lookup", &command_support::lookup},
    {"update", &command_support::update},
    {"erase", &command_support::erase},
    {"next_key", &command_support::next_key},
    {"lookup_and_delete", &command_support::lookup_and_delete},
    {"lookup_batch", &command_support::lookup_batch},
    {"update_batch", &command_support::update_batch},
    {"delete_batch", &command_support::delete_batch},
    {"lookup_and_delete_batch", &command_support::lookup_and_delete_batch},
    {"mmap", &command_support::mmap},
    {"freeze", &command_support::freeze},
};
static_assert(sizeof(command_support) == std::size(commands) * sizeof(support),
              "a command that this test does not know");

template <class Check>
void for_each_row(Check check) {
  for (map_traits const& row : all_traits()) {
    BOOST_TEST_CONTEXT(row.name) { check(row); }
  }
}

bool is_one_of(map_type type, std::initializer_list<map_type> types) {
  return std::ranges::find(types, type) != types.end();
}

// Read at compile time.
static_assert(traits_of(hash).name == "hash" && traits_of(hash).since == kernel_version{3, 19});
static_assert(traits_of(unspec).name == "unknown" && traits_of(unspec).type == unspec);
static_assert(traits_of(map_type{36}).name == "unknown" && to_string(map_type{~0U}) == "unknown");
static_assert(to_string(lru_percpu_hash) == "lru_percpu_hash");
static_assert(map_type_from_string("lpm_trie") == lpm_trie && !map_type_from_string("HASH"));
static_assert(!map_type_from_string("") && !map_type_from_string("unknown"));
static_assert(first_kernel(hash, &command_support::lookup_and_delete) == kernel_version{5, 14});
static_assert(first_kernel(ringbuf, &command_support::freeze) == kernel_version{5, 8});
static_assert(!first_kernel(array, &command_support::erase));
static_assert(!first_kernel(unspec, &command_support::lookup));
static_assert(!first_kernel(map_type{36}, &command_support::lookup));
static_assert(enotsupp == 524 && enotsupp != ENOTSUP && enotsupp != EOPNOTSUPP);
static_assert(
    noexcept(traits_of(hash)) && noexcept(to_string(hash)) && noexcept(all_traits()) && noexcept(map_type_from_string(
        "")) && noexcept(to_string(counting::none)) && noexcept(first_kernel(hash, &command_support::lookup)));

}  // namespace

BOOST_AUTO_TEST_SUITE(map_traits_hpp)

BOOST_AUTO_TEST_CASE(rows_stand_in_the_order_of_the_kernels_numbers) {
  BOOST_TEST(all_traits().size() == map_type_count);
  std::uint32_t number = 1;
  for_each_row([&](map_traits const& row) {
    BOOST_TEST(static_cast<std::uint32_t>(row.type) == number);
    BOOST_TEST(&traits_of(row.type) == &row);
    ++number;
  });
}

BOOST_AUTO_TEST_CASE(names_are_unique_and_the_kernels_in_lower_case) {
  std::set<std::string_view> names;
  for_each_row([&](map_traits const& row) {
    BOOST_TEST(!row.name.empty());
    BOOST_TEST(names.insert(row.name).second);
    BOOST_TEST(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == row.name.npos);
    BOOST_TEST((map_type_from_string(row.name) == row.type));
    BOOST_TEST(to_string(row.type) == row.name);
  });
}

BOOST_AUTO_TEST_CASE(types_became_available_in_the_order_of_their_numbers) {
  kernel_version last{3, 19};
  for_each_row([&](map_traits const& row) {
    BOOST_TEST((row.since >= last));
    last = row.since;
  });
}

BOOST_AUTO_TEST_CASE(no_command_is_older_than_its_type_or_than_bpf_itself_allows) {
  auto const not_before = [](map_traits const& row, command which, kernel_version first) {
    if (auto const since = first_kernel(row.type, which)) BOOST_TEST((*since >= first));
  };
  for_each_row([&](map_traits const& row) {
    for (auto const& [name, which] : commands) {
      BOOST_TEST_CONTEXT(name) { not_before(row, which, row.since); }
    }
    not_before(row, &command_support::freeze, {5, 2});
    not_before(row, &command_support::lookup_and_delete, {4, 20});
    not_before(row, &command_support::lookup_batch, {5, 6});
    not_before(row, &command_support::update_batch, {5, 6});
    not_before(row, &command_support::delete_batch, {5, 6});
    not_before(row, &command_support::lookup_and_delete_batch, {5, 6});
  });
}

BOOST_AUTO_TEST_CASE(first_kernel_answers_for_what_is_supported_and_nothing_else) {
  for_each_row([](map_traits const& row) {
    for (auto const& [name, which] : commands) {
      BOOST_TEST_CONTEXT(name) {
        BOOST_TEST(first_kernel(row.type, which).has_value() == static_cast<bool>(row.commands.*which));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(what_is_refused_has_an_errno_and_no_first_kernel) {
  for_each_row([](map_traits const& row) {
    for (auto const& [name, which] : commands) {
      BOOST_TEST_CONTEXT(name) {
        support const entry = row.commands.*which;
        if (entry) continue;
        BOOST_TEST((entry.refusal == EINVAL || entry.refusal == EOPNOTSUPP || entry.refusal == enotsupp));
        BOOST_TEST((entry.since == kernel_version{}));
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(batches_do_only_what_single_commands_do) {
  for_each_row([](map_traits const& row) {
    command_support const& can = row.commands;
    if (can.lookup_batch) BOOST_TEST((can.lookup && can.next_key));
    if (can.update_batch) BOOST_TEST(static_cast<bool>(can.update));
    if (can.delete_batch) BOOST_TEST(static_cast<bool>(can.erase));
    if (can.lookup_and_delete_batch) BOOST_TEST((can.lookup_batch && can.delete_batch));
  });
}

BOOST_AUTO_TEST_CASE(flags_are_known_ones_and_the_required_are_allowed) {
  constexpr std::uint32_t known = (1U << 20) - 1;
  for_each_row([](map_traits const& row) {
    BOOST_TEST((row.flags_allowed & ~known) == 0U);
    BOOST_TEST((row.flags_added & ~known) == 0U);
    BOOST_TEST((row.flags_required & ~row.flags_allowed) == 0U);
    BOOST_TEST((row.flags_added & row.flags_required) == 0U);
    // Nobody pins by a map's flags.
    BOOST_TEST((row.flags_allowed & (map_flags::path_fd | map_flags::token_fd)) == 0U);
  });
}

BOOST_AUTO_TEST_CASE(only_what_can_be_mapped_takes_the_flag_for_it) {
  for_each_row([](map_traits const& row) {
    bool const takes_flag = (row.flags_allowed & map_flags::mmapable) != 0;
    BOOST_TEST(takes_flag == is_one_of(row.type, {array, arena}));
    BOOST_TEST(static_cast<bool>(row.commands.mmap) == is_one_of(row.type, {array, ringbuf, user_ringbuf, arena}));
  });
}

BOOST_AUTO_TEST_CASE(sizes_fit_the_kind_of_key) {
  using range = std::pair<std::uint32_t, std::uint32_t>;
  for_each_row([](map_traits const& row) {
    range const size{row.min_key_size, row.max_key_size};
    BOOST_TEST(size.first <= size.second);
    switch (row.key) {
      case key_kind::none:
        BOOST_TEST((size == range{0, 0}));
        break;
      case key_kind::index:
      case key_kind::stack_id:
      case key_kind::fd:
      case key_kind::zero:
        BOOST_TEST((size == range{4, 4}));
        break;
      case key_kind::bytes:
        BOOST_TEST(size.first >= 1U);
        break;
      case key_kind::prefix:
        BOOST_TEST((size == range{5, 260}));
        break;
      case key_kind::cgroup:
        BOOST_TEST((size == range{8, 16}));
        break;
    }
  });
}

BOOST_AUTO_TEST_CASE(sizes_fit_the_kind_of_value) {
  using range = std::pair<std::uint32_t, std::uint32_t>;
  for_each_row([](map_traits const& row) {
    range const size{row.min_value_size, row.max_value_size};
    BOOST_TEST(size.first <= size.second);
    switch (row.value) {
      case value_kind::none:
        BOOST_TEST((size == range{0, 0}));
        break;
      case value_kind::bytes:
      case value_kind::struct_ops:
        BOOST_TEST(size.first == 1U);
        break;
      case value_kind::percpu:
        BOOST_TEST((size == range{1, 32768}));
        break;
      case value_kind::map:
      case value_kind::program:
      case value_kind::perf_event:
      case value_kind::cgroup:
      case value_kind::xsk:
        BOOST_TEST((size == range{4, 4}));
        break;
      case value_kind::device:
      case value_kind::cpu_queue:
      case value_kind::socket:
        BOOST_TEST((size == range{4, 8}));
        break;
      case value_kind::stack:
        BOOST_TEST(size.first == 8U);
        break;
      case value_kind::instruction:
        BOOST_TEST((size == range{16, 16}));
        break;
    }
  });
}

BOOST_AUTO_TEST_CASE(max_entries_means_elements_except_for_rings_arenas_and_storages) {
  for_each_row([](map_traits const& row) {
    entries_rule expected = entries_rule::at_least_one;
    if (is_one_of(row.type, {ringbuf, user_ringbuf})) expected = entries_rule::ring_bytes;
    if (row.type == arena) expected = entries_rule::pages;
    if (row.type == struct_ops) expected = entries_rule::one;
    if (row.key == key_kind::fd || row.key == key_kind::cgroup) expected = entries_rule::zero;
    BOOST_TEST(row.entries == expected);
  });
}

BOOST_AUTO_TEST_CASE(a_spin_lock_needs_btf_and_one_value_a_key) {
  for_each_row([](map_traits const& row) {
    if (!row.spin_lock) return;
    BOOST_TEST((row.btf == btf_rule::optional || row.btf == btf_rule::required));
    BOOST_TEST(row.value == value_kind::bytes);
  });
}

BOOST_AUTO_TEST_CASE(maps_of_maps_and_what_belongs_to_something_else_are_no_inner_maps) {
  for_each_row([](map_traits const& row) {
    BOOST_TEST(row.inner == !is_one_of(row.type, {prog_array, array_of_maps, hash_of_maps, cgroup_storage,
                                                  percpu_cgroup_storage, insn_array, struct_ops}));
  });
}

BOOST_AUTO_TEST_CASE(each_way_of_counting_has_what_it_needs) {
  for_each_row([](map_traits const& row) {
    switch (row.count) {
      case counting::none:
        break;
      case counting::constant:
        // Every index holds an element: nothing can be taken away.
        BOOST_TEST((row.key == key_kind::index || row.key == key_kind::zero));
        BOOST_TEST((row.type == struct_ops || !row.commands.erase));
        break;
      case counting::kernel_counter:
        // For any other type the kernel's function answers 0.
        BOOST_TEST(is_one_of(row.type, {hash, lru_hash, percpu_hash, lru_percpu_hash, hash_of_maps}));
        BOOST_TEST(static_cast<bool>(row.commands.next_key));
        break;
      case counting::kernel_field:
        BOOST_TEST(is_one_of(row.type, {lpm_trie, sockhash, devmap_hash, xskmap, queue, stack}));
        break;
      case counting::batch_walk:
        BOOST_TEST(static_cast<bool>(row.commands.lookup_batch));
        break;
      case counting::key_walk:
        BOOST_TEST(static_cast<bool>(row.commands.next_key));
        break;
    }
  });
}

BOOST_AUTO_TEST_CASE(every_way_of_counting_has_a_name) {
  std::set<std::string_view> names;
  for (counting const how : {counting::none, counting::constant, counting::kernel_counter, counting::kernel_field,
                             counting::batch_walk, counting::key_walk}) {
    BOOST_TEST(names.insert(to_string(how)).second);
  }
}

BOOST_AUTO_TEST_CASE(errnos_of_elements_agree_with_the_commands) {
  for_each_row([](map_traits const& row) {
    element_errnos const& errnos = row.errnos;
    // Where there is nothing to write there is nothing to say.
    if (!row.commands.update) return;
    if (!row.commands.lookup)
      BOOST_TEST(errnos.absent == row.commands.lookup.refusal);
    else
      BOOST_TEST(errnos.absent == ENOENT);
    if (!row.commands.erase)
      BOOST_TEST(errnos.erase_absent == row.commands.erase.refusal);
    else
      BOOST_TEST((errnos.erase_absent == ENOENT || errnos.erase_absent == EINVAL || errnos.erase_absent == 0));
    BOOST_TEST((errnos.noexist_on_present == EEXIST || errnos.noexist_on_present == EINVAL));
    for (int const number : {errnos.exist_on_absent}) {
      BOOST_TEST((number == 0 || number == ENOENT || number == EINVAL || number == E2BIG));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_full_map_says_so_unless_it_makes_room_or_is_never_full) {
  for_each_row([](map_traits const& row) {
    bool const never_full = row.evicts || row.key == key_kind::fd || row.type == bloom_filter;
    bool const never_new = row.key == key_kind::cgroup;  // user space cannot add what is not there
    int const expected = never_full ? 0 : never_new ? ENOENT : row.type == lpm_trie ? ENOSPC : E2BIG;
    BOOST_TEST(row.errnos.full == expected);
    BOOST_TEST(row.evicts == is_one_of(row.type, {lru_hash, lru_percpu_hash}));
  });
}

BOOST_AUTO_TEST_SUITE_END()
