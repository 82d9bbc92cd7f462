// SPDX-License-Identifier: MIT
// bpfmap_size() in a program says what size() says in C++, and its price does not grow where the kernel keeps count.
#include "../support/kernel.hpp"
#include "../support/programs.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace ut = boost::unit_test;

namespace {

using key_type = std::uint32_t;
using value_type = std::uint64_t;

struct sizes {
  bpfmap::object object;

  explicit sizes(char const* name) : object(test::loaded(name)) {}

  /// What the program says; all maps are asked at once.
  std::int64_t told(char const* map) {
    object.program("side_size").run();
    return object.global<std::int64_t>((std::string(map) + "_size").c_str());
  }
  /// What C++ says.
  template <class Map>
  std::int64_t size(char const* map) {
    return static_cast<std::int64_t>(object.map<Map>(map).size());
  }
  /// What a walk over the keys says.
  std::int64_t walked(char const* map) const {
    int const fd = bpf_map__fd(object.map(map).get());
    std::array<std::byte, 64> keys[2];
    std::int64_t count = 0;
    for (void const* at = nullptr; bpf_map_get_next_key(fd, at, keys[1].data()) == 0; at = keys[0].data()) {
      keys[0] = keys[1];
      ++count;
    }
    return count;
  }
  void put(char const* map, void const* key, void const* value) const {
    BOOST_REQUIRE(bpf_map_update_elem(bpf_map__fd(object.map(map).get()), key, value, BPF_ANY) == 0);
  }
};

// With the kernel's counter, and without.
constexpr std::array both_ways{"side_size", "side_size_walk"};

template <class Map>
void grows_and_shrinks(sizes& run, char const* name) {
  auto const map = run.object.map<Map>(name);
  BOOST_TEST(run.told(name) == 0);
  for (key_type key = 0; key < 300; ++key) map.insert_or_assign(key, value_type{1});
  BOOST_TEST(run.told(name) == static_cast<std::int64_t>(map.size()));
  BOOST_TEST(run.told(name) == 300);
  for (key_type key = 0; key < 100; ++key) map.erase(key);
  BOOST_TEST(run.told(name) == static_cast<std::int64_t>(map.size()));
  BOOST_TEST(run.told(name) == 200);
}

void fill(bpfmap::hash<key_type, value_type> const& map, std::uint32_t count) {
  std::vector<key_type> keys(count);
  std::vector<value_type> const values(count);
  std::iota(keys.begin(), keys.end(), 0U);
  BOOST_REQUIRE(bpf_map_update_batch(map.fd(), keys.data(), values.data(), &count, nullptr) == 0);
}

/// While it lives, the kernel measures how long programs run. BPF_ENABLE_STATS, Linux 5.8.
class run_times {
 public:
  run_times() : stats_(bpf_enable_stats(BPF_STATS_RUN_TIME)) { BOOST_REQUIRE(!!stats_); }

  /// The nanoseconds of a run: the least of several averages, because others use this machine too.
  static double of(bpfmap::program const& program, int averages, int runs) {
    double least = std::numeric_limits<double>::max();
    for (int i = 0; i < averages; ++i) {
      auto const before = info(program);
      for (int run = 0; run < runs; ++run) program.run();
      auto const after = info(program);
      BOOST_REQUIRE(after.run_cnt - before.run_cnt == static_cast<unsigned>(runs));
      least = std::min(least, static_cast<double>(after.run_time_ns - before.run_time_ns) / runs);
    }
    return least;
  }

 private:
  static bpf_prog_info info(bpfmap::program const& program) {
    bpf_prog_info info{};
    auto length = static_cast<std::uint32_t>(sizeof info);
    BOOST_REQUIRE(bpf_obj_get_info_by_fd(program.fd(), &info, &length) == 0);
    return info;
  }

  bpfmap::unique_fd stats_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(bpf_side_size, *ut::precondition(test::since{{5, 13}}))

BOOST_AUTO_TEST_CASE(of_hashes_is_that_of_cpp_with_the_kernels_counter_and_without) {
  for (char const* const name : both_ways) {
    BOOST_TEST_CONTEXT(name) {
      sizes run(name);
      grows_and_shrinks<bpfmap::hash<key_type, value_type>>(run, "hash");
      grows_and_shrinks<bpfmap::hash<key_type, value_type>>(run, "sparse_hash");
      grows_and_shrinks<bpfmap::lru_hash<key_type, value_type>>(run, "lru_hash");
      grows_and_shrinks<bpfmap::percpu_hash<key_type, value_type>>(run, "percpu_hash");
      grows_and_shrinks<bpfmap::lru_percpu_hash<key_type, value_type>>(run, "lru_percpu_hash");
    }
  }
}

BOOST_AUTO_TEST_CASE(of_an_lru_hash_that_drops_elements_is_what_is_left) {
  for (char const* const name : both_ways) {
    sizes run(name);
    auto const map = run.object.map<bpfmap::lru_hash<key_type, value_type>>("lru_hash");
    for (key_type key = 0; key < 5000; ++key) map.insert_or_assign(key, 1);
    BOOST_TEST(run.told("lru_hash") == static_cast<std::int64_t>(map.size()));
    BOOST_TEST(run.told("lru_hash") < 5000);
    BOOST_TEST(run.told("lru_hash") > 0);
  }
}

BOOST_AUTO_TEST_CASE(of_arrays_is_their_number_of_entries) {
  for (char const* const name : both_ways) {
    sizes run(name);
    BOOST_TEST(run.told("array") == 77);
    BOOST_TEST(run.told("array") ==
               static_cast<std::int64_t>(run.object.map<bpfmap::array<value_type>>("array").size()));
    BOOST_TEST(run.told("percpu_array") == 5);
  }
}

BOOST_AUTO_TEST_CASE(of_a_trie_is_that_of_cpp_and_of_a_walk) {
  using trie = bpfmap::lpm_trie<bpfmap::lpm_key<bpfmap::ipv4>, value_type>;
  sizes run("side_size");
  struct prefix {
    std::uint32_t length;
    std::uint32_t address;
  };
  for (std::uint32_t i = 0; i < 50; ++i) {
    prefix const key{.length = 8 + i % 3 * 8, .address = htonl(i << 24 | 0x00010200)};
    value_type const value = i;
    run.put("lpm_trie", &key, &value);
    BOOST_TEST(run.told("lpm_trie") == run.walked("lpm_trie"));
    BOOST_TEST(run.told("lpm_trie") == run.size<trie>("lpm_trie"));
  }
  BOOST_TEST(run.told("lpm_trie") == 50);
}

BOOST_AUTO_TEST_CASE(of_a_hash_of_maps_comes_from_the_kernels_counter_or_not_at_all) {
  using inner_map = bpfmap::array<value_type>;
  using outer_map = bpfmap::hash_of_maps<key_type, inner_map>;
  auto const inner = inner_map::create({.max_entries = 1});
  int const fd = inner.fd();
  sizes walk("side_size_walk");
  BOOST_TEST(walk.told("hash_of_maps") == -EOPNOTSUPP);
  sizes run("side_size");
  bool const counted = test::running_kernel() >= bpfmap::kernel_version{6, 6};
  for (key_type key = 0; key < 3; ++key) {
    BOOST_TEST(run.told("hash_of_maps") == (counted ? run.walked("hash_of_maps") : -EOPNOTSUPP));
    run.put("hash_of_maps", &key, &fd);
  }
  BOOST_TEST(run.told("hash_of_maps") == (counted ? 3 : -EOPNOTSUPP));
  BOOST_TEST(run.walked("hash_of_maps") == 3);
  BOOST_TEST(run.size<outer_map>("hash_of_maps") == 3);
}

BOOST_AUTO_TEST_CASE(of_a_queue_and_a_stack_is_right_however_often_they_went_round) {
  sizes run("side_size");
  for (char const* const name : {"queue", "stack"}) {
    BOOST_TEST_CONTEXT(name) {
      int const fd = bpf_map__fd(run.object.map(name).get());
      value_type value = 1;
      auto const push = [&] { BOOST_REQUIRE(bpf_map_update_elem(fd, nullptr, &value, BPF_ANY) == 0); };
      auto const pop = [&] { BOOST_REQUIRE(bpf_map_lookup_and_delete_elem(fd, nullptr, &value) == 0); };
      auto const size = [&] {
        return run.object.map(name).type() == bpfmap::map_type::queue ? run.size<bpfmap::queue<value_type>>(name)
                                                                      : run.size<bpfmap::stack<value_type>>(name);
      };
      BOOST_TEST(run.told(name) == 0);
      for (int i = 0; i < 100; ++i) push();
      BOOST_TEST(run.told(name) == 100);
      for (int i = 0; i < 30; ++i) pop();
      BOOST_TEST(run.told(name) == 70);
      for (int i = 0; i < 20; ++i) push();
      BOOST_TEST(run.told(name) == 90);
      BOOST_TEST(size() == 90);
      for (int i = 0; i < 90; ++i) pop();
      BOOST_TEST(run.told(name) == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(of_a_sockhash_and_a_devmap_hash_is_that_of_cpp_and_of_a_walk) {
  sizes run("side_size");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<bpfmap::unique_fd> sockets;
  for (key_type key = 10; key < 15; ++key) {
    bpfmap::unique_fd const& made = sockets.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::bind(made.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    auto const fd = static_cast<std::uint64_t>(made.get());
    run.put("sockhash", &key, &fd);
    std::array<std::uint32_t, 2> const loopback{1, 0};
    run.put("devmap_hash", &key, &loopback);
    BOOST_TEST(run.told("sockhash") == run.walked("sockhash"));
    BOOST_TEST(run.told("devmap_hash") == run.walked("devmap_hash"));
  }
  BOOST_TEST(run.size<bpfmap::sockhash<key_type>>("sockhash") == 5);
  BOOST_TEST(run.size<bpfmap::devmap_hash<>>("devmap_hash") == 5);
  BOOST_TEST(run.told("sockhash") == 5);
  BOOST_TEST(run.told("devmap_hash") == 5);
}

BOOST_AUTO_TEST_CASE(costs_the_same_for_10_and_for_100000_elements,
                     *ut::precondition(test::since{{6, 6}}) * ut::precondition(test::real_cpus)) {
  run_times const measured;
  sizes run("side_size");
  auto const map = run.object.map<bpfmap::hash<key_type, value_type>>("hash");
  auto const program = run.object.program("side_size_hash");
  fill(map, 10);
  double const of_10 = run_times::of(program, 20, 100);
  BOOST_TEST(run.object.global<std::int64_t>("hash_size") == 10);
  fill(map, 100'000);
  double const of_100000 = run_times::of(program, 20, 100);
  BOOST_TEST(run.object.global<std::int64_t>("hash_size") == 100'000);
  BOOST_TEST_MESSAGE("bpfmap_size() takes " << of_10 << " ns of 10 elements, " << of_100000 << " ns of 100000");
  BOOST_TEST(of_100000 < 1.5 * of_10);
}

BOOST_AUTO_TEST_CASE(costs_a_walk_where_the_counter_is_not_to_be_had, *ut::precondition(test::real_cpus)) {
  run_times const measured;
  sizes run("side_size_walk");
  auto const map = run.object.map<bpfmap::hash<key_type, value_type>>("hash");
  auto const program = run.object.program("side_size_hash");
  fill(map, 10);
  double const of_10 = run_times::of(program, 5, 5);
  BOOST_TEST(run.object.global<std::int64_t>("hash_size") == 10);
  fill(map, 100'000);
  double const of_100000 = run_times::of(program, 5, 5);
  BOOST_TEST(run.object.global<std::int64_t>("hash_size") == 100'000);
  BOOST_TEST_MESSAGE("a walk takes " << of_10 << " ns of 10 elements, " << of_100000 << " ns of 100000");
  // Not in proportion: a walk passes all the empty buckets too.
  BOOST_TEST(of_100000 > 1.5 * of_10);
}

BOOST_AUTO_TEST_SUITE_END()
