// SPDX-License-Identifier: MIT
// Random operations on maps that hold kernel objects, beside a std::map that must agree after every one.
#include "../support/kernel.hpp"
#include "../support/network.hpp"
#include "../support/programs.hpp"
#include "../support/randomness.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

namespace ut = boost::unit_test;
using bpfmap::socket_fd;
using bpfmap::unique_fd;

namespace {

/// What is written, and what must be read then.
template <class Map>
struct object_of {
  typename Map::argument_type in;
  typename Map::mapped_type out;
};

template <class Map>
class comparison {
  using key_type = typename Map::key_type;
  using mapped_type = typename Map::mapped_type;
  static constexpr bpfmap::map_type type = Map::type;

 public:
  /// @param keys  those that are tried; some are more than there is room for, or out of range
  /// @param once  an object may be in the map only once
  comparison(Map const& map, std::vector<object_of<Map>> objects, std::vector<key_type> keys, bool once = false)
      : map_(map), objects_(std::move(objects)), keys_(std::move(keys)), once_(once) {}

  void run(std::uint32_t operations = 10'000) {
    if constexpr (bpfmap::countable<type>) count_by_the_kernel();
    for (std::uint32_t i = 0; i < operations; ++i) {
      one();
      if (i % 64 == 0) compare_all();
      BOOST_REQUIRE_MESSAGE(good_, failed_ << " differs after operation " << i << " of seed " << random_.seed());
    }
    // Each way that a write can end has been taken.
    BOOST_TEST(stored_ > operations / 100);
    BOOST_TEST(refused_ > operations / 100);
  }

 private:
  template <class T>
  T const& any(std::vector<T> const& all) {
    return all[random_.below(static_cast<std::uint32_t>(all.size()))];
  }

  void check(bool holds, char const* what) {
    if (!holds && good_) failed_ = what;
    good_ = good_ && holds;
  }

  [[nodiscard]] bool has_room(key_type key) const {
    if (map_.traits.key == bpfmap::key_kind::index) return key < map_.max_size();
    return all_.contains(key) || all_.size() < map_.max_size();
  }

  [[nodiscard]] bool is_in_the_map(object_of<Map> const& object) const {
    return std::ranges::any_of(all_, [&](auto const& entry) { return entry.second == object.out; });
  }

  void store(key_type key, object_of<Map> const& object) {
    all_[key] = object.out;
    ++stored_;
  }

  // The errno of an operation that needs room.
  void check_errno(key_type key, std::error_code ec, char const* what) {
    bool const room = has_room(key);
    check(ec.value() == (room ? 0 : E2BIG), what);
    if (!room) ++refused_;
  }

  // Asked often enough, size() goes over from walking to the kernel's own counter.
  void count_by_the_kernel() {
    for (int i = 0; i < 50'000 && map_.counted_by() != map_.traits.count; ++i) check(map_.size() == 0, "size");
    BOOST_TEST(map_.counted_by() == map_.traits.count);
  }

  void one() {
    key_type const key = any(keys_);
    object_of<Map> const& object = any(objects_);
    auto const there = all_.find(key);
    bool const present = there != all_.end();
    bool const writable = !once_ || !is_in_the_map(object);
    std::error_code ec;
    switch (random_.below(6)) {
      case 0:
        return check(map_.find(key) == (present ? std::optional(there->second) : std::nullopt), "find");
      case 1:
        return check(map_.contains(key) == present, "contains");
      case 2:
        check(map_.erase(key) == present, "erase");
        all_.erase(key);
        return;
      case 3:
        if constexpr (bpfmap::insertable<type>) {
          if (!writable) return;
          bool const added = map_.insert(key, object.in, ec);
          if (!present) check_errno(key, ec, "the error of insert");
          check(added == (!present && has_room(key)), "insert");
          if (added) store(key, object);
        }
        return;
      case 4:
        if constexpr (bpfmap::replaceable<type>) {
          if (!writable) return;
          check(map_.assign(key, object.in) == present, "assign");
          if (present) store(key, object);
        }
        return;
      default:
        if (!writable) return;
        map_.insert_or_assign(key, object.in, ec);
        check_errno(key, ec, "the error of insert_or_assign");
        if (!ec) store(key, object);
    }
  }

  void compare_all() {
    std::map<key_type, mapped_type> walked;
    for (auto const& [key, value] : map_) check(walked.emplace(key, value).second, "a key came twice: the walk");
    check(walked == all_, "what a walk gives");
    if constexpr (bpfmap::countable<type>) {
      check(map_.size() == all_.size(), "size");
      check(map_.empty() == all_.empty(), "empty");
    }
  }

  Map const& map_;
  std::vector<object_of<Map>> objects_;
  std::vector<key_type> keys_;
  bool once_;
  std::map<key_type, mapped_type> all_;
  test::randomness random_;
  std::uint32_t stored_ = 0;
  std::uint32_t refused_ = 0;
  bool good_ = true;
  char const* failed_ = "";
};

template <class Map>
comparison(Map const&, std::vector<object_of<Map>>, std::vector<typename Map::key_type>) -> comparison<Map>;

std::vector<std::uint32_t> numbers_below(std::uint32_t bound) {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < bound; ++i) numbers.push_back(i);
  return numbers;
}

/// UDP sockets bound to one port: all socket maps take them.
class udp_sockets {
 public:
  explicit udp_sockets(std::size_t count) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(4711);
    int const on = 1;
    for (std::size_t i = 0; i < count; ++i) {
      unique_fd const& socket = sockets_.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      BOOST_REQUIRE(setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
      BOOST_REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    }
  }

  template <class Map>
  [[nodiscard]] std::vector<object_of<Map>> objects() const {
    std::vector<object_of<Map>> all;
    for (unique_fd const& socket : sockets_) {
      std::uint64_t cookie = 0;
      auto length = static_cast<socklen_t>(sizeof cookie);
      BOOST_REQUIRE(getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0);
      all.push_back({socket_fd(socket.get()), cookie});
    }
    return all;
  }

 private:
  std::vector<unique_fd> sockets_;
};

/// A machine of one's own, with a loopback interface.
struct machine {
  test::network network;
  test::inside here{network};

  machine() { test::bring_up("lo"); }

  template <class Map>
  [[nodiscard]] std::vector<object_of<Map>> ports(bpfmap::program const& leaving) const {
    std::uint32_t const lo = test::index_of("lo");
    return {{{.ifindex = lo}, {lo, 0}}, {{.ifindex = lo, .program = leaving}, {lo, test::id_of(leaving)}}};
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(object_models, *ut::precondition(test::may_make_namespaces))

BOOST_AUTO_TEST_CASE(a_prog_array_agrees_with_std_map) {
  auto const object = test::loaded("fd_arrays");
  using map_type = bpfmap::prog_array;
  auto const map = map_type::create({.name = "model", .max_entries = 16});
  std::vector<object_of<map_type>> programs;
  for (char const* const name : {"jump", "ten", "twenty"}) {
    programs.push_back({object.program(name), test::id_of(object.program(name))});
  }
  comparison(map, programs, numbers_below(20)).run();
}

BOOST_FIXTURE_TEST_CASE(a_devmap_agrees_with_std_map, machine) {
  auto const object = test::loaded("redirects");
  using map_type = bpfmap::devmap<>;
  auto const map = map_type::create({.name = "model", .max_entries = 16});
  comparison(map, ports<map_type>(object.program("leaving")), numbers_below(20)).run();
}

BOOST_FIXTURE_TEST_CASE(a_devmap_hash_agrees_with_std_map, machine) {
  auto const object = test::loaded("redirects");
  using map_type = bpfmap::devmap_hash<>;
  auto const map = map_type::create({.name = "model", .max_entries = 8});
  comparison(map, ports<map_type>(object.program("leaving")), numbers_below(20)).run();
}

BOOST_AUTO_TEST_CASE(a_cpumap_agrees_with_std_map) {
  auto const object = test::loaded("redirects");
  std::error_code ec;
  bpfmap::cpu_set const& possible = bpfmap::possible_cpus(ec);
  using map_type = bpfmap::cpumap<>;
  auto const map = map_type::create({.name = "model", .max_entries = possible.highest() + 1});
  std::vector<std::uint32_t> cpus(possible.begin(), possible.end());
  cpus.push_back(possible.highest() + 1);
  auto const on_cpu = object.program("on_cpu");
  // Each entry is a thread of the kernel's: fewer operations.
  comparison(map,
             {{{.queue_size = 1}, {1, 0}},
              {{.queue_size = 16384}, {16384, 0}},
              {{.queue_size = 64, .program = on_cpu}, {64, test::id_of(on_cpu)}}},
             cpus)
      .run(500);
}

BOOST_FIXTURE_TEST_CASE(a_sockmap_agrees_with_std_map, machine) {
  using map_type = bpfmap::sockmap<>;
  auto const map = map_type::create({.name = "model", .max_entries = 16});
  udp_sockets const sockets(5);
  comparison(map, sockets.objects<map_type>(), numbers_below(20)).run();
}

BOOST_FIXTURE_TEST_CASE(a_sockhash_agrees_with_std_map, machine) {
  using map_type = bpfmap::sockhash<std::uint32_t>;
  auto const map = map_type::create({.name = "model", .max_entries = 8});
  udp_sockets const sockets(5);
  comparison(map, sockets.objects<map_type>(), numbers_below(20)).run();
}

BOOST_FIXTURE_TEST_CASE(a_reuseport_sockarray_agrees_with_std_map, machine) {
  using map_type = bpfmap::reuseport_sockarray<>;
  auto const map = map_type::create({.name = "model", .max_entries = 16});
  udp_sockets const sockets(20);
  comparison(map, sockets.objects<map_type>(), numbers_below(20), true).run();
}

BOOST_AUTO_TEST_SUITE_END()
