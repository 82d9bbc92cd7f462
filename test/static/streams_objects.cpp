// SPDX-License-Identifier: MIT
// streams/ and objects/: what the classes tell the compiler, and which functions are noexcept.

#include <bpfmap/bpfmap.hpp>

#include "print.hpp"

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace {

using namespace bpfmap;

struct event {
  std::uint32_t pid;
  std::array<char, 16> name;
};
using bytes = std::span<std::byte const>;
struct padded {
  std::uint64_t time;
  std::uint8_t kind;
};

// ---- perf_event_array and perf_reader ----

static_assert(stream_event<event> && stream_event<padded> && stream_event<bytes> && stream_event<std::uint8_t>);
static_assert(!stream_event<event*> && !stream_event<std::string> && !stream_event<event&> &&
              !stream_event<event const>);

using events = perf_event_array<>;
static_assert(std::same_as<events::sizing_type, sizing::possible_cpus>);
static_assert(events::type == map_type::perf_event_array && &events::traits == &traits_of(map_type::perf_event_array));
static_assert(std::same_as<perf_reader<event>::event_type, event>);
static_assert(!std::is_assignable_v<events&, perf_event_array<sizing::fixed<4>>>);

template <class P>
concept sizes = requires { typename perf_event_array<P>; };
static_assert(sizes<sizing::online_cpus> && sizes<sizing::at_most<8>> && !sizes<int> && !sizes<event>);
template <class E>
concept can_be_read = requires { typename perf_reader<E>; };
static_assert(can_be_read<event> && can_be_read<bytes> && !can_be_read<char const*>);

// Where the user's policy may throw, so may the call that asks it.
struct may_throw {
  std::uint32_t operator()(cpu_topology const&) const { return 1; }
};
template <class P>
concept created_without_throwing = requires(std::error_code& ec) {
  { perf_event_array<P>::create({}, ec) } noexcept;
};
template <class P>
concept set_without_throwing = requires(object_map map, P policy, std::error_code& ec) {
  { map.set_max_entries(policy, ec) } noexcept;
};
static_assert(created_without_throwing<sizing::possible_cpus> && set_without_throwing<sizing::fixed<4>>);
static_assert(!created_without_throwing<may_throw> && !set_without_throwing<may_throw>);

// ---- ring buffers ----

// The kernel's positions wrap around, in 32-bit processes after 4 GiB.
static_assert(detail::ring_distance<std::uint32_t>(16, 0xffff'fff0) == 32);
static_assert(detail::ring_distance<std::uint64_t>(16, 0xffff'fff0) == 0xffff'ffff'0000'0020);
static_assert(detail::ring_distance<std::uint64_t>(16, ~std::uint64_t{0}) == 17);
static_assert(detail::ring_distance(7UL, 7UL) == 0);

using reader = perf_reader<event>;
static_assert(requires(events const& map, reader& from, std::error_code& ec) {
  { events::create({}, ec) } noexcept;
  { events::bind(nullptr, ec) } noexcept;
  { events::from_fd(0, ec) } noexcept;
  { events::from_id(0U, ec) } noexcept;
  { events::open_pinned("", ec) } noexcept;
  { map.clone(ec) } noexcept;
  { map.uncovered_cpus(ec) } noexcept;
  { reader::open(map, {}, ec) } noexcept;
  { from.available() } noexcept;
  { from.fd() } noexcept;
  { from.lost() } noexcept;
  { from.lost(cpu{0}) } noexcept;
  { from.malformed() } noexcept;
  { from.cpu_count() } noexcept;
  { from.cpu_at(0) } noexcept;
});
template <class Map>
concept opened_without_throwing = requires(Map const& map) {
  { reader::open(map) } noexcept;
};
static_assert(!opened_without_throwing<events>);

// The callable takes the event, or the event and its CPU, and may say whether to go on.
template <class F>
constexpr bool consumes = requires(reader& r, F f) { r.consume(f); };
static_assert(consumes<void (*)(event const&)> && consumes<void (*)(event)> && consumes<bool (*)(event const&)>);
static_assert(consumes<void (*)(event const&, cpu)> && consumes<bool (*)(event const&, cpu)>);
static_assert(!consumes<void (*)()> && !consumes<void (*)(event&)> && !consumes<void (*)(event const&, int)>);

using available = decltype(std::declval<reader&>().available());
static_assert(std::ranges::input_range<available> && std::ranges::view<available> &&
              !std::ranges::forward_range<available> && !std::ranges::sized_range<available>);
static_assert(std::same_as<std::ranges::range_value_t<available>, event> &&
              std::same_as<std::ranges::range_reference_t<available>, event const&>);
static_assert(std::movable<std::ranges::iterator_t<available>> && !std::copyable<std::ranges::iterator_t<available>>);

// ---- programs, links, objects ----

static_assert(requires(bpfmap::link& link) {  // <unistd.h> has a link(), too
  { link.fd() } noexcept;
  { link.get() } noexcept;
  { link.release() } noexcept;
  { link.detach() } noexcept;
});
static_assert(requires(program const& program, std::error_code& ec) {
  { program.name() } noexcept;
  { program.section() } noexcept;
  { program.fd() } noexcept;
  { program.autoload() } noexcept;
  { program.set_autoload(true, ec) } noexcept;
  { program.attach(ec) } noexcept;
  { program.run({}, ec) } noexcept;
});
static_assert(requires(object_map const& map, std::error_code& ec) {
  { map.name() } noexcept;
  { map.type() } noexcept;
  { map.max_entries() } noexcept;
  { map.autocreate() } noexcept;
  { map.set_autocreate(true, ec) } noexcept;
  { map.set_max_entries(1U, ec) } noexcept;
  { map.set_max_entries(sizing::possible_cpus{}, ec) } noexcept;
});
static_assert(requires(object& object, std::error_code& ec) {
  { bpfmap::object::open("", {}, ec) } noexcept;
  { bpfmap::object::open(bytes{}, {}, ec) } noexcept;
  { object.name() } noexcept;
  { object.loaded() } noexcept;
  { object.program("", ec) } noexcept;
  { object.programs() } noexcept;
  { object.map("", ec) } noexcept;
  { object.maps() } noexcept;
  { object.autoload_only({"a"}, ec) } noexcept;
  { object.load(ec) } noexcept;
  { object.verifier_log() } noexcept;
  { object.template map<hash<int, int>>("", ec) } noexcept;
  { object.template global<int>("", ec) } noexcept;
  { object.template global<int const>("", ec) } noexcept;
});
template <class Object, class Program>
concept throw_nowhere = requires(Object& object) {
  { object.load() } noexcept;
} || requires(Object& object) {
  { object.program("") } noexcept;
} || requires(Object& object) {
  { object.template global<int>("") } noexcept;
} || requires(Program& program) {
  { program.attach() } noexcept;
} || requires(Program& program) {
  { program.run() } noexcept;
};
static_assert(!throw_nowhere<object, program>);

template <class T>
concept is_global = requires(object& o) { o.global<T>(""); };
static_assert(is_global<int> && is_global<int const> && is_global<event> && is_global<std::array<int, 4>>);
static_assert(!is_global<int*> && !is_global<std::string> && !is_global<int volatile>);
static_assert(std::same_as<decltype(std::declval<object&>().global<int const>("")), int const&>);
static_assert(requires(object& object, std::error_code& ec) {
  { object.template global<event>("", ec) } -> std::same_as<event*>;
});
static_assert(std::same_as<decltype(std::declval<object&>().map<hash<int, int>>("")), hash<int, int>>);
static_assert(std::same_as<decltype(std::declval<object&>().map("")), object_map>);

template <class Range, class Item>
constexpr bool lists = std::ranges::forward_range<Range> && std::ranges::common_range<Range> &&
                       std::ranges::view<Range> && std::same_as<std::ranges::range_value_t<Range>, Item>;
static_assert(lists<decltype(std::declval<object&>().programs()), program>);
static_assert(lists<decltype(std::declval<object&>().maps()), object_map>);

// Text that the kernel or libbpf reads ends in a null character.
template <class Name>
concept names_a_program = requires(object& o, Name name) { o.program(name); };
static_assert(names_a_program<char const*> && names_a_program<std::string> && !names_a_program<std::string_view>);

constexpr auto ignore = [](event const&) noexcept {};

template <class F>
concept consumed_without_throwing = requires(reader& r, F f, std::error_code& ec) {
  { r.consume(f, ec) } noexcept;
};
template <class F>
concept polled_without_throwing = requires(reader& r, F f, std::chrono::milliseconds timeout, std::error_code& ec) {
  { r.poll(timeout, f, ec) } noexcept;
};
template <class F>
concept resynced_without_throwing = requires(reader& r, F f, std::error_code& ec) {
  { r.resync(f, ec) } noexcept;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(streams_objects)

// As for_each() of maps is.
BOOST_AUTO_TEST_CASE(a_reader_is_noexcept_with_an_error_code_and_a_callable_that_is) {
  BOOST_TEST(consumed_without_throwing<decltype(ignore)>);
  BOOST_TEST(polled_without_throwing<decltype(ignore)>);
  BOOST_TEST(resynced_without_throwing<decltype(ignore)>);
}

BOOST_AUTO_TEST_CASE(a_reader_that_was_not_opened_has_nothing_to_give_and_says_ebadf) {
  reader none;
  std::error_code code;
  BOOST_TEST(none.consume(ignore, code) == 0U);
  BOOST_TEST(code.value() == EBADF);
  BOOST_TEST(none.cpu_count() == 0U);
  BOOST_TEST(none.lost() == 0U);
  BOOST_TEST(none.fd() == -1);
  BOOST_TEST((none.available().begin() == std::default_sentinel));
  BOOST_TEST(none.poll(std::chrono::milliseconds(0), ignore, code) == 0U);
  BOOST_TEST(code.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(what_was_not_opened_is_empty_and_says_ebadf) {
  object none;
  std::error_code code;
  BOOST_TEST(!none);
  BOOST_TEST(none.name().empty());
  BOOST_TEST(!none.program("a", code));
  BOOST_TEST(code.value() == EBADF);
  BOOST_TEST(!none.map("a", code));
  BOOST_TEST(code.value() == EBADF);
  none.load(code);
  BOOST_TEST(code.value() == EBADF);
  BOOST_TEST(none.global<int>("a", code) == nullptr);
  BOOST_TEST(code.value() == EBADF);
  BOOST_TEST(std::ranges::distance(none.programs()) == 0);
  BOOST_TEST(std::ranges::distance(none.maps()) == 0);
  program const nothing;
  BOOST_TEST(nothing.fd() == -1);
  BOOST_TEST(!nothing.autoload());
  nothing.set_autoload(true, code);
  BOOST_TEST(code.value() == EBADF);
  static_cast<void>(nothing.run({}, code));
  BOOST_TEST(code.value() == EBADF);
}

BOOST_AUTO_TEST_CASE(an_object_that_does_not_exist_is_an_error) {
  capture_libbpf_log const quiet_libbpf;
  std::error_code code;
  BOOST_TEST(!object::open("/nowhere/tool.bpf.o", {}, code));
  BOOST_TEST(code.value() == ENOENT);
}

BOOST_AUTO_TEST_SUITE_END()
