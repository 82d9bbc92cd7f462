// SPDX-License-Identifier: MIT
// core/reduce_members.hpp, reduce::any, and which slots are no numbers.

#include <bpfmap/core/reduce_members.hpp>
#include <bpfmap/core/reduction_table.hpp>

#include "print.hpp"
#include "slots.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace bpfmap;

// ---- slots that are not made of numbers only ----

struct named {  // as syscount's: the shape of most tracers' values
  std::uint64_t count;
  std::uint64_t first_seen;
  std::int8_t balance;
  char comm[16];
  std::uint32_t sizes[3];
  std::uint32_t flags;
  friend bool operator==(named const&, named const&) = default;
};
struct wide_named {
  wchar_t name[4];
  std::array<char16_t, 2> more;
};
struct with_name_inside {
  std::uint64_t count;
  named inside[2];
};
struct bits {
  std::uint32_t kind : 3;
  std::uint32_t size : 29;
  std::uint64_t count;
  friend bool operator==(bits const&, bits const&) = default;
};
struct with_union {
  union {
    std::uint64_t bytes;
    std::uint32_t words[2];
  };
  std::uint64_t count;
};
union either {
  std::uint32_t a;
  float b;
};
struct with_named_union {
  std::uint64_t count;
  either value;
};
enum class verdict : std::uint32_t { pass, drop };
struct judged {
  verdict last;
  std::uint64_t count;
  friend bool operator==(judged const&, judged const&) = default;
};
struct many {
  std::uint64_t a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22,
      a23, a24, a25, a26, a27, a28, a29, a30, a31, a32;
};
struct foreign {
  std::uint64_t count;
};

template <class Slot>
constexpr bool none_takes =
    !reducer<reduce::sum, Slot> && !reducer<reduce::min, Slot> && !reducer<reduce::max, Slot> &&
    !reducer<reduce::mean, Slot> && !reducer<reduce::bit_or, Slot> && !reducer<reduce::bit_and, Slot>;
static_assert(none_takes<named> && none_takes<wide_named> && none_takes<with_name_inside>);
static_assert(none_takes<std::array<char, 16>> && none_takes<std::array<std::array<char8_t, 2>, 2>>);
static_assert(none_takes<bits> && none_takes<with_union> && none_takes<with_named_union> && none_takes<many>);
static_assert(none_takes<verdict> && none_takes<judged> && none_takes<either> && none_takes<void*>);
// Bytes are numbers.
static_assert(reducer<reduce::sum, std::array<std::uint8_t, 4>> && reducer<reduce::sum, std::array<std::int8_t, 4>>);

template <class Slot>
constexpr bool others_take = scattering_reducer<reduce::any, Slot> && scattering_reducer<reduce::slots, Slot>;
static_assert(others_take<named> && others_take<bits> && others_take<with_union> && others_take<many> &&
              others_take<verdict> && others_take<bool> && others_take<std::array<char, 16>>);

// ---- how members are named ----

using reduce::by;
using reduce::members;
using reduce::rest;

using of_named =
    members<by<reduce::sum, &named::count, &named::balance, &named::sizes>, by<reduce::min, &named::first_seen>,
            by<reduce::any, &named::comm>, by<reduce::bit_or, &named::flags>>;
static_assert(scattering_reducer<of_named, named> && std::same_as<reduced_t<of_named, named>, named>);
static_assert(noexcept(of_named{}(std::declval<per_cpu_view<named const>>())));
using of_bits = members<by<reduce::sum, &bits::count>, rest<reduce::any>>;
static_assert(scattering_reducer<of_bits, bits>);
static_assert(scattering_reducer<members<by<reduce::sum, &with_union::bytes, &with_union::count>>, with_union>);
static_assert(scattering_reducer<members<by<reduce::any, &judged::last>, by<reduce::sum, &judged::count>>, judged>);

// All but the last of many.
template <auto... Last>
using of_many =
    members<by<reduce::sum, &many::a0, &many::a1, &many::a2, &many::a3, &many::a4, &many::a5, &many::a6, &many::a7,
               &many::a8, &many::a9, &many::a10, &many::a11, &many::a12, &many::a13, &many::a14, &many::a15, &many::a16,
               &many::a17, &many::a18, &many::a19, &many::a20, &many::a21, &many::a22, &many::a23, &many::a24,
               &many::a25, &many::a26, &many::a27, &many::a28, &many::a29, &many::a30, &many::a31, Last...>>;
static_assert(reducer<of_many<&many::a32>, many> && !reducer<of_many<>, many>);

static_assert(!reducer<members<by<reduce::sum, &judged::count>>, judged>, "one is not named");
static_assert(!reducer<members<by<reduce::sum, &bits::count>>, bits>, "bit-fields are not named");
static_assert(!reducer<members<by<reduce::sum, &judged::count, &judged::count>, rest<reduce::any>>, judged>, "twice");
static_assert(!reducer<members<by<reduce::sum, &foreign::count>, rest<reduce::any>>, judged>, "another struct's");
static_assert(!reducer<members<by<reduce::sum, &judged::last>, rest<reduce::any>>, judged>, "no number");
static_assert(!reducer<members<by<reduce::slots, &judged::count>, rest<reduce::any>>, judged>, "another type");
static_assert(!reducer<members<by<reduce::sum, &judged::count>, rest<reduce::sum>>, judged>, "the rest is no number");

struct first_slot {  // cannot scatter
  template <class Slot>
  Slot operator()(per_cpu_view<Slot const> slots) const noexcept {
    return slots[0];
  }
};
using of_first = members<by<first_slot, &judged::last>, by<reduce::sum, &judged::count>>;
static_assert(reducer<of_first, judged> && !scattering_reducer<of_first, judged>);

// In the kernel: where no member asks which slots count.
struct counted {
  std::uint64_t packets;
  std::uint32_t flags;
};
static_assert(detail::reducible_in_kernel<
              counted, members<by<reduce::sum, &counted::packets>, by<reduce::bit_or, &counted::flags>>>);
static_assert(!detail::reducible_in_kernel<
              counted, members<by<reduce::sum, &counted::packets>, by<reduce::max, &counted::flags>>>);
static_assert(!detail::reducible_in_kernel<named, of_named> && !detail::reducible_in_kernel<bits, of_bits>);

// ---- what they make of slots ----

constexpr std::string_view machines[] = {"0", "0-1", "0-3", "0,2", "1-2,5,8-9", "4095"};

named slot(std::uint64_t count, std::uint64_t first_seen, std::int8_t balance, char const* comm, std::uint32_t flags) {
  named made{count, first_seen, balance, {}, {1, 2, 0xffff'fff0}, flags};
  std::memcpy(made.comm, comm, std::min(std::strlen(comm), sizeof made.comm - 1));
  return made;
}

template <class Reducer, class Slot>
bool obeys_the_law(std::vector<Slot> const& values) {
  for (std::string_view const machine : machines) {
    test::slots<Slot> const memory(machine);
    for (Slot const& value : values) {
      if (!Reducer{}.scatter(value, memory.view())) return false;
      if (!(Reducer{}(per_cpu_view<Slot const>(memory.view())) == value)) return false;
    }
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reduce_members_hpp)

BOOST_AUTO_TEST_CASE(each_member_reduces_in_its_own_way) {
  test::slots<named> memory("0,2-3,8");
  memory.clear();
  memory.view()[1] = slot(5, 700, 100, "bash", 1);
  memory.view()[2] = slot(6, 300, 100, "", 2);
  memory.view()[3] = slot(7, 0, -50, "systemd", 4);
  named const all = of_named{}(per_cpu_view<named const>(memory.view()));
  BOOST_TEST(all.count == 18U);
  BOOST_TEST(all.first_seen == 300U);
  BOOST_TEST(int{all.balance} == 77);  // 100 + 100 stops at 127, as in a struct that is summed
  BOOST_TEST(std::string(all.comm) == "bash");
  BOOST_TEST(all.sizes[0] == 3U);
  BOOST_TEST(all.sizes[2] == 0xffff'ffffU);
  BOOST_TEST(all.flags == 7U);
}

BOOST_AUTO_TEST_CASE(what_is_written_member_by_member_is_read) {
  BOOST_TEST((obeys_the_law<of_named, named>(
      {named{}, slot(1, 0, 0, "", 0), slot(0, 9, -128, "bash", 0), slot(~0ULL, ~0ULL, 127, "fifteen letters", ~0U)})));
  BOOST_TEST((obeys_the_law<of_bits, bits>({bits{}, {0, 0, 9}, {7, 1, 0}, {7, (1U << 29) - 1, ~0ULL}})));
  using of_judged = members<by<reduce::any, &judged::last>, by<reduce::sum, &judged::count>>;
  BOOST_TEST(
      (obeys_the_law<of_judged, judged>({judged{}, {verdict::drop, 0}, {verdict::pass, 7}, {verdict::drop, 7}})));
}

BOOST_AUTO_TEST_CASE(the_rest_is_of_a_cpu_that_has_written) {
  test::slots<bits> memory("0-3");
  memory.clear();
  memory.view()[2] = {5, 77, 3};
  memory.view()[3] = {1, 1, 4};
  BOOST_TEST((of_bits{}(per_cpu_view<bits const>(memory.view())) == bits{5, 77, 7}));
}

BOOST_AUTO_TEST_CASE(any_is_the_first_that_was_written) {
  test::slots<std::array<char, 4>> memory("0-3");
  memory.clear();
  auto const read = [&] { return reduce::any{}(per_cpu_view<std::array<char, 4> const>(memory.view())); };
  BOOST_TEST((read() == std::array<char, 4>{}));
  memory.view()[2] = {'a', 'b'};
  memory.view()[3] = {'x', 'y', 'z'};
  BOOST_TEST((read() == std::array<char, 4>{'a', 'b'}));
  BOOST_TEST((obeys_the_law<reduce::any, std::uint64_t>({0, 1, ~0ULL})));
  BOOST_TEST((obeys_the_law<reduce::any, bool>({false, true})));
  BOOST_TEST((obeys_the_law<reduce::any, named>({named{}, slot(1, 2, 3, "x", 4)})));
}

BOOST_AUTO_TEST_SUITE_END()
