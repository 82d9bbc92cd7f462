// SPDX-License-Identifier: MIT
// Calls everything that bpfmap has with many types of keys and values, so that templates are instantiated under the
// warnings that users build with, and in each standard and with each standard library; linked, because what a near miss
// declares has no definition. Nothing is run.

#include <bpfmap/bpfmap.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace uses {

void use_maps();
void use_the_rest(std::error_code& ec);

enum class colour : std::uint8_t { red, green };

struct flow_key {
  std::uint32_t address;
  std::uint16_t port;
  std::uint16_t protocol;
};
struct flow_stats {
  std::uint64_t packets;
  std::uint32_t bytes;
  std::int16_t delta;
  colour last;
  bool open;
};
struct counters {
  std::uint64_t packets;
  std::uint32_t bytes;
  std::int16_t delta;
};
struct guarded {
  bpf_spin_lock lock;
  std::uint32_t count;
};
struct large {
  std::array<std::uint64_t, 512> words;
};

template <class T>
T const& some() noexcept {
  alignas(T) static std::byte room[sizeof(T)];
  return *bpfmap::detail::object_at<T>(room);
}

// What a map has is called, what it has not is left out.
#define USE(...) \
  if constexpr (requires { __VA_ARGS__; }) static_cast<void>(__VA_ARGS__)

template <class Map>
void open(std::error_code& ec) {
  [[maybe_unused]] bpfmap::create_options const options{.name = "m", .max_entries = 1};
  USE(Map::create(options));
  USE(Map::create(options, ec));
  USE(Map::bind(nullptr));
  USE(Map::bind(nullptr, ec));
  USE(Map::from_fd(3));
  USE(Map::from_fd(3, ec));
  USE(Map::from_id(1U));
  USE(Map::from_id(1U, ec));
  USE(Map::open_pinned("/sys/fs/bpf/m"));
  USE(Map::open_pinned("/sys/fs/bpf/m", ec));
}

template <class Map>
void handle(Map& map, std::error_code& ec) {
  USE(map.clone());
  USE(map.clone(ec));
  USE(map.pin("/sys/fs/bpf/m"));
  USE(map.pin("/sys/fs/bpf/m", ec));
  USE(map.unpin("/sys/fs/bpf/m"));
  USE(map.unpin("/sys/fs/bpf/m", ec));
  USE(map.freeze());
  USE(map.freeze(ec));
  USE(map.memory_usage());
  USE(map.memory_usage(ec));
  USE(map.info());
  USE(map.name());
  USE(map.id());
  USE(map.max_size());
  USE(map.capacity());
  USE(map.pending());
  USE(map.release());
  USE(map.uncovered_cpus(ec));
  USE(map.allocate_pages(0, 1));
  USE(map.allocate_pages(0, 1, ec));
  USE(map.template span<int>(0, 1));
  USE(map.template span<int>(0, 1, ec));
  USE(map.attach());
  USE(map.attach(ec));
  USE(map.status());
  USE(map.status(ec));
}

template <class Map, class Key>
void look_up(Map& map, Key const& key, std::error_code& ec) {
  USE(map.find(key));
  USE(map.find(key, ec));
  USE(map.find(key, bpfmap::locked));
  USE(map.find(key, bpfmap::locked, ec));
  USE(map.find(key, bpfmap::cpu{0}));
  USE(map.find(key, bpfmap::cpu{0}, ec));
  USE(map.at(key));
  USE(map.at(key, ec));
  USE(map.at(key, bpfmap::locked));
  USE(map.at(key, bpfmap::locked, ec));
  USE(map.at(key, bpfmap::cpu{0}));
  USE(map.at(key, bpfmap::cpu{0}, ec));
  USE(map.contains(key));
  USE(map.contains(key, ec));
  USE(map.erase(key));
  USE(map.erase(key, ec));
  USE(map.extract(key));
  USE(map.extract(key, ec));
  USE(map[key]);
  USE(map.load(key));
  if constexpr (!requires { requires std::same_as<decltype(map.load(key)), bool>; }) {
    USE(map.atomic(key).fetch_add(1));  // libstdc++ has it for bool too, as an error
  }
  USE(map.atomic(key).load());
  USE(map.atomic(key).store({}));
}

template <class Map, class Key, class Value>
void store(Map& map, Key const& key, Value const& value, std::error_code& ec) {
  USE(map.insert(key, value));
  USE(map.insert(key, value, ec));
  USE(map.insert(key, value, bpfmap::locked));
  USE(map.insert(key, value, bpfmap::locked, ec));
  USE(map.assign(key, value));
  USE(map.assign(key, value, ec));
  USE(map.assign(key, value, bpfmap::locked));
  USE(map.assign(key, value, bpfmap::locked, ec));
  USE(map.insert_or_assign(key, value));
  USE(map.insert_or_assign(key, value, ec));
  USE(map.insert_or_assign(key, value, bpfmap::locked));
  USE(map.insert_or_assign(key, value, bpfmap::locked, ec));
  USE(map[key] = value);
}

template <class Map, class Key, class Slot>
void store_slot(Map& map, Key const& key, Slot const& slot, std::error_code& ec) {
  USE(map.insert_or_assign(key, slot, bpfmap::cpu{0}));
  USE(map.insert_or_assign(key, slot, bpfmap::cpu{0}, ec));
  USE(map.insert_or_assign(key, slot, bpfmap::all_cpus));
  USE(map.insert_or_assign(key, slot, bpfmap::all_cpus, ec));
}

template <class Map, class Value>
void stream(Map& map, Value const& value, std::error_code& ec) {
  auto const each = [](auto const&...) noexcept {};
  USE(map.push(value));
  USE(map.push(value, ec));
  USE(map.push(value, bpfmap::displacing));
  USE(map.push(value, bpfmap::displacing, ec));
  USE(map.pop());
  USE(map.pop(ec));
  USE(map.peek());
  USE(map.peek(ec));
  USE(map.drain(each));
  USE(map.drain(each, ec));
  USE(map.insert(value));
  USE(map.insert(value, ec));
  USE(map.might_contain(value));
  USE(map.might_contain(value, ec));
}

#define USE_RANGE(...)                                                    \
  if constexpr (requires { __VA_ARGS__.begin() != __VA_ARGS__.end(); }) { \
    for (auto const& item : __VA_ARGS__) static_cast<void>(item);         \
  }

template <class Map>
void walk(Map& map, std::error_code& ec) {
  auto const each = [](auto const&...) noexcept {};
  auto const until = [](auto const&...) noexcept { return false; };
  USE_RANGE(map)
  USE_RANGE(std::as_const(map))
  USE_RANGE(map.entries())
  USE_RANGE(map.entries(ec))
  USE_RANGE(map.entries(bpfmap::walk::in_kernel))
  USE_RANGE(map.entries(bpfmap::walk::in_kernel, ec))
  USE_RANGE(map.keys())
  USE_RANGE(map.keys(ec))
  USE_RANGE(map.keys(bpfmap::walk::in_kernel))
  USE_RANGE(map.values())
  USE_RANGE(map.values(ec))
  USE_RANGE(map.values(bpfmap::walk::in_kernel))
  USE_RANGE(map.span())
  USE_RANGE(std::as_const(map).span())
  USE_RANGE(map.cells())
  USE_RANGE(std::as_const(map).cells())
  USE(map.cells()[0]);
  USE(map.cells().end() - map.cells().begin());
  USE(map.for_each(each));
  USE(map.for_each(each, ec));
  USE(map.for_each(until));
  USE(map.for_each(until, ec));
  USE(map.for_each(each, bpfmap::walk::in_kernel));
  USE(map.for_each(each, bpfmap::walk::in_kernel, ec));
  USE(map.for_each_while(until));
  USE(map.for_each_while(until, ec));
  USE(map.size());
  USE(map.size(ec));
  USE(map.empty());
  USE(map.empty(ec));
  USE(map.counted_by());
  USE(map.reduce_all());
  USE(map.reduce_all(ec));
}

template <class Map, class Key, class Value>
void bulk(Map& map, std::span<Key const> in, std::span<Value> out, std::error_code& ec) {
  bpfmap::key_bits which;
  std::vector<std::pair<Key, Value>> taken;
  std::span<Value const> const from(out);
  USE(map.find(in, out));
  USE(map.find(in, out, ec));
  USE(map.find(in, out, which));
  USE(map.find(in, out, which, ec));
  USE(map.insert(in, from));
  USE(map.insert(in, from, ec));
  USE(map.insert(in, from, which));
  USE(map.insert(in, from, which, ec));
  USE(map.assign(in, from));
  USE(map.assign(in, from, ec));
  USE(map.assign(in, from, which));
  USE(map.assign(in, from, which, ec));
  USE(map.insert_or_assign(in, from));
  USE(map.insert_or_assign(in, from, ec));
  USE(map.erase(in));
  USE(map.erase(in, ec));
  USE(map.erase(in, which));
  USE(map.erase(in, which, ec));
  USE(map.extract_all(taken));
  USE(map.extract_all(taken, ec));
  USE(map.clear());
  USE(map.clear(ec));
  USE(map.bulk_by());
  USE(map.set_bulk_path(bpfmap::bulk_path::batch));
  USE(map.totals(out));
  USE(map.totals(out, ec));
}

template <class Map, class Of>
void ask(Map& map, Of const& of, std::error_code& ec) {
  USE(map.count_if(of > 1));
  USE(map.count_if(of > 1, ec));
  USE(map.count_if(of == 1 && !(of < 3), bpfmap::walk::batch));
  USE(map.count_if((of >= 1 || of <= 3) && of != 4, bpfmap::walk::batch, ec));
  USE(map.sum(of));
  USE(map.sum(of, ec));
  USE(map.sum_if(of, of > 1));
  USE(map.sum_if(of, of > 1, ec));
  USE(map.top(3, of));
  USE(map.top(3, of, ec));
}

template <class Map>
void use(Map& map, std::error_code& ec) {
  open<Map>(ec);
  handle(map, ec);
  walk(map, ec);
  ask(map, bpfmap::value, ec);
  ask(map, bpfmap::key, ec);
  ask(map, bpfmap::field(&flow_stats::packets), ec);
  ask(map, bpfmap::field(&flow_stats::delta), ec);
  ask(map, bpfmap::key_field(&flow_key::port), ec);
  if constexpr (requires { typename Map::key_type; }) {
    using key = typename Map::key_type;
    look_up(map, some<key>(), ec);
    if constexpr (requires { typename Map::mapped_type; }) {
      using value = typename Map::mapped_type;
      store(map, some<key>(), some<value>(), ec);
      bulk(map, std::span<key const>(), std::span<value>(), ec);
    }
    if constexpr (requires { typename Map::slot_type; }) {
      store_slot(map, some<key>(), some<typename Map::slot_type>(), ec);
    }
    if constexpr (requires { typename Map::argument_type; }) {
      store(map, some<key>(), some<typename Map::argument_type>(), ec);
    }
  }
  if constexpr (requires { typename Map::value_type; }) stream(map, some<typename Map::value_type>(), ec);
}

// Of a kind: with USE_A_FEW the first only, which takes a quarter of the time.
template <class First, class... Map>
void use_each() {
  std::error_code ec;
#ifdef USE_A_FEW
  std::tuple<First> maps;
#else
  std::tuple<First, Map...> maps;
#endif
  std::apply([&](auto&... map) { (use(map, ec), ...); }, maps);
}

using merged = bpfmap::reduce::merge<decltype([](counters a, counters const& b) {
  a.packets += b.packets;
  return a;
})>;

void use_maps() {
  using namespace bpfmap;
  using std::uint16_t, std::uint32_t, std::uint64_t, std::uint8_t;
  use_each<map_handle>();
  use_each<hash<uint32_t, uint64_t>, hash<flow_key, flow_stats>, hash<uint8_t, bool>, hash<std::array<char, 16>, large>,
           hash<colour, float>, hash<uint16_t, guarded>, hash<std::int64_t, std::array<uint8_t, 3>>>();
  use_each<lru_hash<uint64_t, double>, rhash<uint32_t, std::int32_t>, lpm_trie<lpm_key<ipv4>, uint32_t>,
           lpm_trie<lpm_key<ipv6>, flow_stats>>();
  use_each<percpu_hash<uint32_t, uint64_t>, percpu_hash<flow_key, counters>, percpu_hash<uint8_t, uint8_t, reduce::max>,
           percpu_hash<uint32_t, std::int16_t, reduce::min>, percpu_hash<uint32_t, uint32_t, reduce::bit_or>,
           percpu_hash<uint32_t, uint32_t, reduce::bit_and>, percpu_hash<uint32_t, double, reduce::mean>,
           percpu_hash<uint32_t, counters, merged>, percpu_hash<uint32_t, flow_stats, reduce::slots>,
           lru_percpu_hash<uint32_t, std::array<uint64_t, 4>>>();
  use_each<percpu_array<uint64_t>, percpu_array<counters>, percpu_array<uint16_t, reduce::max>,
           percpu_array<uint32_t, reduce::slots>, striped_array<uint64_t>, striped_array<uint8_t>,
           striped_array<counters>, striped_array<uint32_t, reduce::min>, striped_array<flow_stats, reduce::slots>>();
  use_each<array<uint64_t>, array<guarded>, array<bool, mmapable>, array<uint8_t, mmapable>, array<uint32_t, mmapable>,
           array<std::int64_t, mmapable>, array<flow_stats, mmapable>, array<uint64_t, mmapable_read_only>,
           array<std::array<char, 12>, mmapable_read_only>>();
  use_each<queue<uint32_t>, queue<flow_stats>, stack<uint8_t>, bloom_filter<uint64_t>, bloom_filter<flow_key>>();
  use_each<array_of_maps<hash<uint32_t, uint64_t>>, hash_of_maps<uint32_t, array<uint64_t>>, prog_array, cgroup_array,
           perf_event_array<>, perf_event_array<sizing::online_cpus>, perf_event_array<sizing::fixed<32>>,
           perf_event_array<sizing::at_most<32>>, devmap<>, devmap_hash<>, cpumap<>, xskmap, sockmap<>,
           sockhash<uint32_t>, reuseport_sockarray<>>();
  use_each<sk_storage<uint64_t>, inode_storage<flow_stats>, task_storage<guarded>, cgrp_storage<uint32_t>,
           cgroup_storage<uint64_t>, percpu_cgroup_storage<uint64_t>, stack_trace<64>, stack_trace<16, build_id_frame>,
           ringbuf<uint64_t>, user_ringbuf<uint64_t>, struct_ops, arena, insn_array>();
}

template <class Event>
void read_events(std::error_code& ec) {
  using namespace std::chrono_literals;
  bpfmap::perf_event_array<> map;
  auto const each = [](auto const&...) noexcept {};
  auto const until = [](auto const&...) noexcept { return false; };
  bpfmap::perf_reader<Event> reader;
  USE(bpfmap::perf_reader<Event>::open(map));
  USE(bpfmap::perf_reader<Event>::open(map, {}, ec));
  USE(reader.consume(each));
  USE(reader.consume(each, ec));
  USE(reader.consume(until, ec));
  USE(reader.poll(1ms, each));
  USE(reader.poll(1ms, until, ec));
  USE(reader.resync(each));
  USE(reader.resync(each, ec));
  USE_RANGE(reader.available())
  USE(reader.lost());
  USE(reader.malformed());
  USE(reader.fd());
}

template <class Object>
void use_objects(std::error_code& ec) {
  USE(Object::open("tool.bpf.o"));
  USE(Object::open(std::span<std::byte const>()));
  Object object = Object::open(std::string("tool.bpf.o"), {}, ec);
  USE(object.load());
  USE(object.load(ec));
  USE(object.name());
  USE(object.autoload_only({"a", "b"}));
  USE(object.autoload_only({"a", "b"}, ec));
  USE(object.leave_out_unsupported());
  USE(object.leave_out_unsupported(ec));
  USE_RANGE(object.programs())
  USE_RANGE(object.maps())
  USE(object.template map<bpfmap::hash<std::uint32_t, std::uint64_t>>("m"));
  USE(object.template map<bpfmap::hash<std::uint32_t, std::uint64_t>>("m", ec));
  USE(object.template global<std::uint32_t>("g"));
  USE(object.template global<std::uint32_t>("g", ec));
  USE(object.template global<flow_stats const>("g", ec));
  auto program = object.program("p", ec);
  USE(object.program("p"));
  USE(program.attach());
  USE(program.attach(ec));
  USE(program.run({}));
  USE(program.run({}, ec));
  USE(program.set_autoload(true));
  USE(program.set_autoload(true, ec));
  auto map = object.map("m", ec);
  USE(object.map("m"));
  USE(map.set_autocreate(true));
  USE(map.set_autocreate(true, ec));
  USE(map.set_max_entries(1U));
  USE(map.set_max_entries(1U, ec));
  USE(map.set_max_entries(bpfmap::sizing::possible_cpus{}));
  USE(map.set_max_entries(bpfmap::sizing::possible_cpus{}, ec));
}

void use_the_rest(std::error_code& ec) {
  read_events<std::uint64_t>(ec);
  read_events<flow_stats>(ec);
  read_events<std::span<std::byte const>>(ec);
  use_objects<bpfmap::object>(ec);
  std::array<std::uint64_t, 64> const slots{};
  auto const times = bpfmap::histogram::log2(slots);
  static_cast<void>(times.bars());
  bpfmap::capture_libbpf_log const log;
  static_cast<void>(log.text());
  static_cast<void>(bpfmap::possible_cpus(ec));
  static_cast<void>(bpfmap::online_cpus(ec));
}

}  // namespace uses

int main(int count, char**) {
  if (count > 0) return 0;
  uses::use_maps();
  std::error_code ec;
  uses::use_the_rest(ec);
  return 0;
}
