// SPDX-License-Identifier: MIT
// What the fake kernel and the real one have in common: these cases run on both. They are linked once with the fake,
// and once with libbpf, where they need root.
#include "../support/kernel.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <bpfmap/bpfmap.hpp>

namespace ut = boost::unit_test;

namespace {

constexpr int enotsupp = 524;

boost::test_tools::assertion_result may_create(ut::test_unit_id) {
  int const fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, nullptr);
  boost::test_tools::assertion_result result(fd >= 0);
  if (fd < 0) result.message() << "creating a BPF map is not possible here: errno " << -fd;
  if (fd >= 0) ::close(fd);
  return result;
}

class raw_map {
 public:
  raw_map(bpf_map_type type, std::uint32_t key, std::uint32_t value, std::uint32_t entries, std::uint32_t flags = 0) {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = flags;
    fd = bpf_map_create(type, "contract", key, value, entries, &options);
    BOOST_REQUIRE(fd >= 0);
  }
  raw_map(raw_map const&) = delete;
  raw_map& operator=(raw_map const&) = delete;
  ~raw_map() { ::close(fd); }

  int fd = -1;
};

int create(bpf_map_type type, std::uint32_t key, std::uint32_t value, std::uint32_t entries, std::uint32_t flags = 0,
           char const* name = "contract") {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = flags;
  int const fd = bpf_map_create(type, name, key, value, entries, &options);
  if (fd >= 0) ::close(fd);
  return fd < 0 ? fd : 0;
}

int put(raw_map const& map, std::uint32_t key, std::uint64_t value, std::uint64_t flags = BPF_ANY) {
  return bpf_map_update_elem(map.fd, &key, &value, flags);
}

struct batch {
  int result;
  std::uint32_t count;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(contract, *ut::precondition(may_create))

BOOST_AUTO_TEST_CASE(a_hash_tells_presence_absence_and_fullness_by_different_errnos) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 2);
  std::uint32_t key = 7;
  std::uint64_t value = 0;
  BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, &value) == -ENOENT);
  BOOST_TEST(put(map, 7, 1, BPF_EXIST) == -ENOENT);
  BOOST_TEST(put(map, 7, 1, BPF_NOEXIST) == 0);
  BOOST_TEST(put(map, 7, 2, BPF_NOEXIST) == -EEXIST);
  BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, &value) == 0);
  BOOST_TEST(value == 1U);
  BOOST_TEST(put(map, 8, 1) == 0);
  BOOST_TEST(put(map, 9, 1) == -E2BIG);
  BOOST_TEST(put(map, 8, 5) == 0);
  BOOST_TEST(put(map, 7, 1, 3) == -EINVAL);
  BOOST_TEST(put(map, 7, 1, BPF_F_LOCK) == -EINVAL);
  BOOST_TEST(bpf_map_lookup_elem_flags(map.fd, &key, &value, BPF_F_LOCK) == -EINVAL);
  BOOST_TEST(bpf_map_lookup_elem_flags(map.fd, &key, &value, 1) == -EINVAL);
  BOOST_TEST(bpf_map_delete_elem(map.fd, &key) == 0);
  BOOST_TEST(bpf_map_delete_elem(map.fd, &key) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(an_element_of_a_hash_can_be_taken_out_once, *ut::precondition(test::since{{5, 14}})) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 2);
  BOOST_TEST(put(map, 8, 5) == 0);
  std::uint32_t const key = 8;
  std::uint64_t value = 0;
  BOOST_TEST(bpf_map_lookup_and_delete_elem(map.fd, &key, &value) == 0);
  BOOST_TEST(value == 5U);
  BOOST_TEST(bpf_map_lookup_and_delete_elem(map.fd, &key, &value) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(an_array_has_every_index_and_nothing_else) {
  raw_map const map(BPF_MAP_TYPE_ARRAY, 4, 8, 3);
  std::uint32_t key = 2;
  std::uint64_t value = 9;
  BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, &value) == 0);
  BOOST_TEST(value == 0U);
  BOOST_TEST(put(map, 0, 1, BPF_NOEXIST) == -EEXIST);
  BOOST_TEST(put(map, 0, 1, BPF_EXIST) == 0);
  BOOST_TEST(put(map, 3, 1, BPF_EXIST) == -E2BIG);
  BOOST_TEST(put(map, 3, 1) == -E2BIG);
  BOOST_TEST(bpf_map_delete_elem(map.fd, &key) == -EINVAL);
  BOOST_TEST(bpf_map_lookup_and_delete_elem(map.fd, &key, &value) == -enotsupp);
  key = 3;
  BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, &value) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(an_lru_hash_is_never_full) {
  raw_map const map(BPF_MAP_TYPE_LRU_HASH, 4, 8, 100);
  for (std::uint32_t i = 0; i < 1000; ++i) BOOST_REQUIRE(put(map, i, i) == 0);
}

BOOST_AUTO_TEST_CASE(values_are_copied_with_exactly_their_size) {
  raw_map const map(BPF_MAP_TYPE_HASH, 1, 12, 4);
  std::vector<std::uint8_t> value(12, 0x11);
  std::uint8_t const key = 200;
  BOOST_TEST(bpf_map_update_elem(map.fd, &key, value.data(), 0) == 0);
  std::vector<std::uint8_t> room(32, 0xee);
  BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, room.data()) == 0);
  BOOST_TEST(std::count(room.begin(), room.begin() + 12, 0x11) == 12);
  BOOST_TEST(std::count(room.begin() + 12, room.end(), 0xee) == 20);
}

BOOST_AUTO_TEST_CASE(per_cpu_values_have_a_slot_of_whole_8_bytes_for_each_possible_cpu) {
  std::error_code ec;
  std::size_t const slots = bpfmap::possible_cpus(ec).size();
  for (bpf_map_type const type : {BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY}) {
    raw_map const map(type, 4, 12, 4);
    std::uint32_t const key = 1;
    std::vector<std::uint8_t> value(16 * slots);
    for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<std::uint8_t>(i + 1);
    BOOST_TEST(bpf_map_update_elem(map.fd, &key, value.data(), 0) == 0);
    std::vector<std::uint8_t> room(value.size() + 8, 0xee);
    BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, room.data()) == 0);
    for (std::size_t i = 0; i < value.size(); i += 16) {  // what is behind the 12 bytes is kept or not
      BOOST_TEST(std::equal(&value[i], &value[i] + 12, &room[i]));
    }
    BOOST_TEST(std::count(room.end() - 8, room.end(), 0xee) == 8);
  }
}

BOOST_AUTO_TEST_CASE(a_walk_by_keys_begins_with_no_key_and_again_with_an_unknown_one) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 64);
  std::uint32_t next = 0;
  BOOST_TEST(bpf_map_get_next_key(map.fd, nullptr, &next) == -ENOENT);
  for (std::uint32_t i = 0; i < 10; ++i) put(map, i, i);
  std::uint32_t first = 0;
  BOOST_TEST(bpf_map_get_next_key(map.fd, nullptr, &first) == 0);
  std::uint32_t const unknown = 1000;
  BOOST_TEST(bpf_map_get_next_key(map.fd, &unknown, &next) == 0);
  BOOST_TEST(next == first);
  std::set<std::uint32_t> seen{first};
  for (std::uint32_t at = first; bpf_map_get_next_key(map.fd, &at, &next) == 0; at = next) seen.insert(next);
  BOOST_TEST(seen.size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_walk_by_keys_over_an_array_gives_indices_and_restarts_behind_the_last) {
  raw_map const map(BPF_MAP_TYPE_ARRAY, 4, 8, 2);
  std::uint32_t at = 0;
  std::uint32_t next = 9;
  BOOST_TEST(bpf_map_get_next_key(map.fd, nullptr, &next) == 0);
  BOOST_TEST(next == 0U);
  BOOST_TEST(bpf_map_get_next_key(map.fd, &at, &next) == 0);
  BOOST_TEST(next == 1U);
  at = 1;
  BOOST_TEST(bpf_map_get_next_key(map.fd, &at, &next) == -ENOENT);
  at = 77;
  BOOST_TEST(bpf_map_get_next_key(map.fd, &at, &next) == 0);
  BOOST_TEST(next == 0U);
}

BOOST_AUTO_TEST_CASE(a_batch_over_an_empty_hash_ends_at_once_and_writes_its_cursor) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 10);
  std::uint32_t cursor = 77;
  std::uint32_t keys[4];
  std::uint64_t values[4];
  std::uint32_t count = 4;
  BOOST_TEST(bpf_map_lookup_batch(map.fd, nullptr, &cursor, keys, values, &count, nullptr) == -ENOENT);
  BOOST_TEST(count == 0U);
  BOOST_TEST(cursor == 16U);  // behind the last of the buckets, whose number is a power of two
  cursor = 77;
  std::uint32_t beyond = 1000;
  count = 4;
  BOOST_TEST(bpf_map_lookup_batch(map.fd, &beyond, &cursor, keys, values, &count, nullptr) == -ENOENT);
  BOOST_TEST(count == 0U);
  BOOST_TEST(cursor == 77U);
}

BOOST_AUTO_TEST_CASE(the_batch_that_ends_a_hash_carries_data) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 10);
  for (std::uint32_t i = 0; i < 10; ++i) put(map, i, i);
  std::uint32_t cursor = 0;
  std::uint32_t keys[10];
  std::uint64_t values[10];
  std::uint32_t count = 10;
  BOOST_TEST(bpf_map_lookup_batch(map.fd, nullptr, &cursor, keys, values, &count, nullptr) == -ENOENT);
  BOOST_TEST(count == 10U);
}

BOOST_AUTO_TEST_CASE(a_bucket_that_does_not_fit_is_enospc_and_a_larger_batch_goes_on_at_its_cursor) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 1024);
  std::uint32_t const entries = 1000;
  // Of 1000 keys some share a bucket, whichever way they are hashed.
  for (std::uint32_t i = 0; i < entries; ++i) put(map, i * 1024 + i % 7, i);
  std::set<std::uint64_t> seen;
  std::vector<std::uint32_t> keys(entries);
  std::vector<std::uint64_t> values(entries);
  std::uint32_t cursor = 0;
  std::uint32_t capacity = 1;
  unsigned grown = 0;
  std::uint32_t given = 0;
  for (bool started = false;;) {
    std::uint32_t count = capacity;
    int const result =
        bpf_map_lookup_batch(map.fd, started ? &cursor : nullptr, &cursor, keys.data(), values.data(), &count, nullptr);
    started = true;
    if (result == -ENOSPC) {
      BOOST_TEST(count == 0U);
      ++grown;
      capacity = std::min(capacity * 2, entries);
      continue;
    }
    BOOST_REQUIRE((result == 0 || result == -ENOENT));
    given += count;
    seen.insert(values.begin(), values.begin() + count);
    if (result == -ENOENT) break;
  }
  BOOST_TEST(grown > 0U);
  BOOST_TEST(given == entries);
  BOOST_TEST(seen.size() == entries);
}

BOOST_AUTO_TEST_CASE(the_cursor_of_a_hash_has_four_bytes_whatever_the_key) {
  raw_map const map(BPF_MAP_TYPE_HASH, 1, 1, 16);
  for (std::uint8_t i = 0; i < 4; ++i) BOOST_TEST(bpf_map_update_elem(map.fd, &i, &i, 0) == 0);
  std::uint8_t cursor[8];
  std::memset(cursor, 0xee, sizeof cursor);
  std::uint8_t keys[16];
  std::uint8_t values[16];
  std::uint32_t count = 16;
  BOOST_TEST(bpf_map_lookup_batch(map.fd, nullptr, cursor, keys, values, &count, nullptr) == -ENOENT);
  BOOST_TEST(std::count(cursor, cursor + 4, 0xee) == 0);
  BOOST_TEST(std::count(cursor + 4, cursor + 8, 0xee) == 4);
}

BOOST_AUTO_TEST_CASE(a_batch_over_an_array_has_the_last_index_as_cursor_and_says_the_end_late) {
  raw_map const map(BPF_MAP_TYPE_ARRAY, 4, 8, 3);
  std::uint32_t keys[5];
  std::uint64_t values[5];
  auto const ask = [&](std::uint32_t* in, std::uint32_t& out, std::uint32_t room) {
    std::uint32_t count = room;
    int const result = bpf_map_lookup_batch(map.fd, in, &out, keys, values, &count, nullptr);
    return batch{result, count};
  };
  std::uint32_t cursor = 77;
  auto got = ask(nullptr, cursor, 3);
  BOOST_TEST((got.result == 0 && got.count == 3 && cursor == 2));
  std::uint32_t next = 77;
  got = ask(&cursor, next, 3);
  BOOST_TEST((got.result == -ENOENT && got.count == 0 && next == 77));
  got = ask(nullptr, cursor, 5);
  BOOST_TEST((got.result == -ENOENT && got.count == 3 && cursor == 2));
}

BOOST_AUTO_TEST_CASE(a_batch_of_no_elements_does_nothing_and_refuses_what_is_no_map) {
  raw_map const hash(BPF_MAP_TYPE_HASH, 4, 8, 3);
  raw_map const events(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 3);
  char room[8];
  std::uint32_t none = 0;
  BOOST_TEST(bpf_map_lookup_batch(hash.fd, nullptr, room, room, room, &none, nullptr) == 0);
  BOOST_TEST(bpf_map_lookup_batch(events.fd, nullptr, room, room, room, &none, nullptr) == -enotsupp);
  int const other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  BOOST_TEST(bpf_map_lookup_batch(other, nullptr, room, room, room, &none, nullptr) == -EINVAL);
  ::close(other);
  BOOST_TEST(bpf_map_lookup_batch(-1, nullptr, room, room, room, &none, nullptr) == -EBADF);
}

BOOST_AUTO_TEST_CASE(a_frozen_map_can_be_read_and_not_be_frozen_again) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 3);
  put(map, 1, 1);
  BOOST_TEST(bpf_map_freeze(map.fd) == 0);
  int const again = bpf_map_freeze(map.fd);
  BOOST_TEST((again == -EPERM || again == -EBUSY), again);  // EBUSY on Linux 5.10 and 6.1
  BOOST_TEST(put(map, 1, 2) == -EPERM);
  std::uint32_t const key = 1;
  std::uint64_t value = 0;
  BOOST_TEST(bpf_map_delete_elem(map.fd, &key) == -EPERM);
  BOOST_TEST(bpf_map_lookup_and_delete_elem(map.fd, &key, &value) == -EPERM);
  BOOST_TEST(bpf_map_lookup_elem(map.fd, &key, &value) == 0);
}

BOOST_AUTO_TEST_CASE(a_descriptor_for_reading_does_not_freeze, *ut::precondition(test::since{{6, 12}})) {
  raw_map const reader(BPF_MAP_TYPE_HASH, 4, 8, 3, BPF_F_RDONLY);
  BOOST_TEST(bpf_map_freeze(reader.fd) == -EPERM);
}

BOOST_AUTO_TEST_CASE(a_descriptor_for_one_direction_refuses_the_other) {
  std::uint32_t key = 1;
  std::uint64_t value = 0;
  raw_map const reader(BPF_MAP_TYPE_HASH, 4, 8, 3, BPF_F_RDONLY);
  BOOST_TEST(put(reader, 1, 1) == -EPERM);
  BOOST_TEST(bpf_map_delete_elem(reader.fd, &key) == -EPERM);
  BOOST_TEST(bpf_map_lookup_elem(reader.fd, &key, &value) == -ENOENT);
  raw_map const writer(BPF_MAP_TYPE_HASH, 4, 8, 3, BPF_F_WRONLY);
  BOOST_TEST(put(writer, 1, 1) == 0);
  BOOST_TEST(bpf_map_lookup_elem(writer.fd, &key, &value) == -EPERM);
  BOOST_TEST(bpf_map_get_next_key(writer.fd, nullptr, &key) == -EPERM);
  std::uint32_t none = 0;
  BOOST_TEST(bpf_map_lookup_batch(writer.fd, nullptr, &key, &key, &value, &none, nullptr) == -EPERM);
}

BOOST_AUTO_TEST_CASE(information_is_about_maps_only_and_its_tail_must_be_zero) {
  raw_map const map(BPF_MAP_TYPE_HASH, 4, 8, 3, BPF_F_RDONLY);
  bpf_map_info info{};
  __u32 length = sizeof info;
  BOOST_TEST(bpf_obj_get_info_by_fd(map.fd, &info, &length) == 0);
  BOOST_TEST(info.type == std::uint32_t{BPF_MAP_TYPE_HASH});
  BOOST_TEST((info.key_size == 4 && info.value_size == 8 && info.max_entries == 3));
  BOOST_TEST(info.map_flags == 0U);  // the descriptor's permission is none of the map's flags
  BOOST_TEST(std::string_view(info.name) == "contract");
  BOOST_TEST(info.id != 0U);
  length = sizeof info;
  BOOST_TEST(bpf_obj_get_info_by_fd(-1, &info, &length) == -EBADFD);
  int const other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  BOOST_TEST(bpf_obj_get_info_by_fd(other, &info, &length) == -EINVAL);
  ::close(other);
  std::vector<char> large(400, 1);
  length = static_cast<__u32>(large.size());
  BOOST_TEST(bpf_obj_get_info_by_fd(map.fd, large.data(), &length) == -E2BIG);
  std::fill(large.begin(), large.end(), '\0');
  BOOST_TEST(bpf_obj_get_info_by_fd(map.fd, large.data(), &length) == 0);
  BOOST_TEST((length >= 80 && length < 400));
}

BOOST_AUTO_TEST_CASE(creating_follows_the_rules) {
  BOOST_TEST(create(BPF_MAP_TYPE_HASH, 4, 8, 0) == -EINVAL);
  BOOST_TEST(create(BPF_MAP_TYPE_HASH, 4, 8, 1, 0, "not-a-name") == -EINVAL);
  BOOST_TEST(create(BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_MMAPABLE) == -EINVAL);
  BOOST_TEST(create(BPF_MAP_TYPE_ARRAY, 8, 8, 1) == -EINVAL);
  BOOST_TEST(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE) == 0);
  BOOST_TEST(create(BPF_MAP_TYPE_LRU_HASH, 4, 8, 16, BPF_F_NO_PREALLOC) == -enotsupp);
  BOOST_TEST(create(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 1, BPF_F_NUMA_NODE) == -EINVAL);
  BOOST_TEST(create(BPF_MAP_TYPE_PERCPU_HASH, 4, 32769, 1) == -E2BIG);
  BOOST_TEST(create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 0) == -EINVAL);
  BOOST_TEST(create(BPF_MAP_TYPE_UNSPEC, 4, 8, 1) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(pinning_and_opening_refuse_what_is_not_there) {
  BOOST_TEST(bpf_obj_pin(-1, "/sys/fs/bpf/bpfmap-contract") == -EINVAL);
  BOOST_TEST(bpf_obj_get("/no/such/path") == -ENOENT);
  BOOST_TEST(bpf_obj_get("/dev/null") == -EACCES);
  BOOST_TEST(bpf_map_get_fd_by_id(0) == -ENOENT);
}

BOOST_AUTO_TEST_CASE(the_count_program_counts_hashes_and_answers_zero_for_others) {
  raw_map const hash(BPF_MAP_TYPE_HASH, 4, 8, 100);
  raw_map const array(BPF_MAP_TYPE_ARRAY, 4, 8, 100);
  for (std::uint32_t i = 0; i < 50; ++i) put(hash, i, i);
  std::error_code ec;
  auto const of_hash = bpfmap::detail::load_count_program(hash.fd, ec);
  if (ec == std::errc::no_such_file_or_directory) return;  // before Linux 6.6
  BOOST_TEST(!ec);
  BOOST_TEST(bpfmap::detail::run_count_program(of_hash.get(), ec) == 50U);
  auto const of_array = bpfmap::detail::load_count_program(array.fd, ec);
  BOOST_TEST(bpfmap::detail::run_count_program(of_array.get(), ec) == 0U);
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_SUITE_END()
