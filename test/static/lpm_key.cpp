// SPDX-License-Identifier: MIT
// core/lpm_key.hpp: addresses and prefixes as text and as the kernel's bytes.

#include <bpfmap/core/lpm_key.hpp>

#include "print.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <system_error>
#include <type_traits>

#include <arpa/inet.h>

#include <boost/test/unit_test.hpp>

namespace {

using namespace bpfmap;
using namespace bpfmap::literals;
using mac = std::array<std::byte, 6>;

// ---- at compile time ----

static_assert(std::is_same_v<decltype("10.0.0.0/8"_cidr), lpm_key<ipv4>>);
static_assert(std::is_same_v<decltype("2001:db8::/32"_cidr), lpm_key<ipv6>>);
static_assert("10.0.0.1"_ip == ipv4(10, 0, 0, 1));
static_assert("255.255.255.255/32"_cidr == lpm_key(ipv4(255, 255, 255, 255)));
static_assert("10.1.2.3/8"_cidr == "10.0.0.0/8"_cidr, "host bits are dropped");
static_assert("10.1.2.3/9"_cidr == "10.0.0.0/9"_cidr && "10.129.2.3/9"_cidr == "10.128.0.0/9"_cidr);
static_assert("10.1.2.3/0"_cidr == lpm_key<ipv4>());
static_assert("::/0"_cidr == lpm_key<ipv6>());
static_assert("1:2::3"_ip == "1:2:0:0:0:0:0:3"_ip && "::1"_ip == "0:0:0:0:0:0:0:1"_ip);
static_assert("1::"_ip == "1:0:0:0:0:0:0:0"_ip && "1:2:3:4:5:6:7::"_ip == "1:2:3:4:5:6:7:0"_ip);
static_assert("::ffff:10.0.0.1"_ip == "::ffff:a00:1"_ip && "ABCD::"_ip == "abcd::"_ip);

static_assert("10.0.0.0/8"_cidr.normalized() == "10.0.0.0/8"_cidr);
static_assert(std::bit_cast<lpm_key<ipv4>>(std::array<std::uint8_t, 8>{0, 0, 0, 0, 10, 1, 2, 3}).normalized() ==
              lpm_key<ipv4>());
static_assert(!std::is_constructible_v<lpm_key<ipv4>, char const*> && !std::is_constructible_v<ipv4, char const*> &&
              !std::is_constructible_v<lpm_key<ipv6>, std::string> && !std::is_constructible_v<ipv6, std::string>);
static_assert("10.0.0.0/8"_cidr.contains("10.255.0.1"_ip) && !"10.0.0.0/8"_cidr.contains("11.0.0.0"_ip));
static_assert("10.0.0.0/8"_cidr.contains("10.1.0.0/16"_cidr) && !"10.1.0.0/16"_cidr.contains("10.0.0.0/8"_cidr));
static_assert("10.0.0.0/8"_cidr.contains("10.0.0.0/8"_cidr) && "0.0.0.0/0"_cidr.contains("10.0.0.0/8"_cidr));
static_assert("10.0.0.0/8"_cidr < "10.0.0.0/9"_cidr && "10.0.0.0/9"_cidr < "11.0.0.0/8"_cidr, "by address first");

// What the kernel sees: nothing between the members or behind them.
static_assert(sizeof(lpm_key<ipv4>) == 8 && sizeof(lpm_key<ipv6>) == 20 && sizeof(lpm_key<mac>) == 10);
static_assert(std::has_unique_object_representations_v<lpm_key<mac>> && std::is_trivially_copyable_v<lpm_key<mac>>);
static_assert(hash_key<lpm_key<ipv6>> && hash_key<ipv4>, "also good as keys of hashes");

template <class T>
concept can_be_of = requires { typename lpm_key<T>; };
static_assert(can_be_of<std::array<std::byte, 1>> && can_be_of<std::array<std::byte, 256>>);
static_assert(!can_be_of<std::array<std::byte, 257>> && !can_be_of<std::array<std::byte, 0>>);
static_assert(!can_be_of<std::uint32_t> && !can_be_of<std::array<std::uint8_t, 4>>);

static_assert(noexcept(ipv4::parse(std::string_view{}, std::declval<std::error_code&>())));
static_assert(noexcept(lpm_key<ipv6>::parse(std::string_view{}, std::declval<std::error_code&>())));
static_assert(noexcept(lpm_key<mac>::make(mac{}, 3, std::declval<std::error_code&>())));

template <class Address>
void check_against_inet_pton(std::string const& text) {
  constexpr int family = std::is_same_v<Address, ipv4> ? AF_INET : AF_INET6;
  Address expected;
  bool const good = inet_pton(family, text.c_str(), expected.bytes.data()) == 1;
  std::error_code ec = make_error(EIO);
  Address const parsed = Address::parse(text, ec);
  BOOST_TEST(!ec == good, "'" << text << "'");
  if (good) BOOST_TEST((parsed == expected), "'" << text << "'");
}

std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t most) {
  std::string text;
  for (std::size_t n = random() % (most + 1); n > 0; --n) text += alphabet[random() % alphabet.size()];
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lpm_keys)

BOOST_AUTO_TEST_CASE(an_address_is_read_as_inet_pton_reads_it) {
  for (char const* const text :
       {"0.0.0.0", "255.255.255.255", "1.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.", "1.2.3.4.5", ".1.2.3", "1..2.3",
        "01.2.3.4", "1.2.3.04", "00.0.0.0", "1.2.3.4 ", " 1.2.3.4", "1.2.3.x", "", "-1.2.3.4", "99999999999.1.1.1"}) {
    check_against_inet_pton<ipv4>(text);
  }
  for (char const* const text : {"::",
                                 "::1",
                                 "1::",
                                 "1:2:3:4:5:6:7:8",
                                 "1:2:3:4:5:6:7",
                                 "1:2:3:4:5:6:7:8:9",
                                 "1::2::3",
                                 ":::",
                                 ":1::",
                                 ":",
                                 "1:",
                                 ":1",
                                 "1:2:3:4:5:6:7::",
                                 "::2:3:4:5:6:7:8",
                                 "1:2:3:4:5:6:7:8::",
                                 "::1:2:3:4:5:6:7:8",
                                 "12345::",
                                 "g::",
                                 "::ffff:1.2.3.4",
                                 "1:2:3:4:5:6:1.2.3.4",
                                 "1:2:3:4:5:6:7:1.2.3.4",
                                 "::1.2.3.4:5",
                                 "::1.2.3",
                                 "1.2.3.4",
                                 "1.2.3.4::",
                                 "",
                                 "fe80::1%eth0",
                                 "0001::",
                                 "00001::",
                                 "::00001",
                                 "1:2:3:4:5::1.2.3.4",
                                 "1:2:3:4:5:6::1.2.3.4"}) {
    check_against_inet_pton<ipv6>(text);
  }
}

BOOST_AUTO_TEST_CASE(random_texts_are_read_as_inet_pton_reads_them) {
  auto const seed = std::random_device{}();
  BOOST_TEST_CONTEXT("seed " << seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 20'000; ++i) {
      check_against_inet_pton<ipv4>(random_text(random, "0129..", 12));
      check_against_inet_pton<ipv6>(random_text(random, "01af::::.", 24));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_again) {
  std::mt19937 random(1);
  for (int i = 0; i < 2'000; ++i) {
    ipv6 address;
    // Many zeros, for "::" to stand for.
    for (std::byte& each : address.bytes) each = static_cast<std::byte>(random() % 3 == 0 ? random() : 0U);
    lpm_key<ipv6> const key(address, static_cast<std::uint32_t>(random() % 129));
    BOOST_TEST((ipv6::parse(address.to_string()) == address), address.to_string());
    BOOST_TEST((lpm_key<ipv6>::parse(key.to_string()) == key), key.to_string());
    ipv4 const four({address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]});
    lpm_key<ipv4> const small(four, static_cast<std::uint32_t>(random() % 33));
    BOOST_TEST((lpm_key<ipv4>::parse(small.to_string()) == small), small.to_string());
  }
  BOOST_TEST("10.1.2.3/8"_cidr.to_string() == "10.0.0.0/8");
  BOOST_TEST("2001:DB8:0:0::1/64"_cidr.to_string() == "2001:db8::/64");
  mac const address{std::byte{0x0a}, std::byte{0xb0}, std::byte{0xff}};
  BOOST_TEST(lpm_key<mac>(address, 20).to_string() == "0ab0f0000000/20");
}

BOOST_AUTO_TEST_CASE(an_address_is_written_as_inet_ntop_writes_it) {
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    ipv6 address;
    // Runs of zero groups of all lengths, at the front too, where an IPv4 address may follow.
    for (std::size_t group = random() % 8; group < 8; ++group) {
      if (random() % 2 == 0) address.bytes[2 * group] = static_cast<std::byte>(random() % 3 == 0 ? random() : 0xffU);
      if (random() % 2 == 0) address.bytes[2 * group + 1] = static_cast<std::byte>(random());
    }
    char text[INET6_ADDRSTRLEN]{};
    inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
    BOOST_REQUIRE(address.to_string() == text);
    inet_ntop(AF_INET, address.bytes.data() + 12, text, sizeof text);
    ipv4 const four({address.bytes[12], address.bytes[13], address.bytes[14], address.bytes[15]});
    BOOST_REQUIRE(four.to_string() == text);
  }
}

BOOST_AUTO_TEST_CASE(masking_keeps_just_the_first_bits) {
  ipv6 ones;
  ones.bytes.fill(std::byte{0xff});
  for (std::uint32_t length = 0; length <= 128; ++length) {
    lpm_key const key(ones, length);
    BOOST_REQUIRE(key.length() == length);
    for (std::uint32_t bit = 0; bit < 128; ++bit) {
      bool const set = (key.address().bytes[bit / 8] >> (7 - bit % 8) & std::byte{1}) != std::byte{0};
      BOOST_REQUIRE(set == (bit < length));
    }
  }
}

BOOST_AUTO_TEST_CASE(bytes_are_the_kernels) {
  auto const key = "10.32.0.0/12"_cidr;
  std::uint32_t length = 0;
  std::array<unsigned char, 8> bytes{};
  std::memcpy(bytes.data(), &key, sizeof key);
  std::memcpy(&length, bytes.data(), sizeof length);
  BOOST_TEST(length == 12U);
  BOOST_TEST((bytes[4] == 10 && bytes[5] == 32 && bytes[6] == 0 && bytes[7] == 0));
}

BOOST_AUTO_TEST_CASE(what_is_no_prefix_is_an_error_that_shows_one) {
  for (char const* const text : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/08", "10.0.0.0/8 ",
                                 "10.0.0.0/-1", "10.0.0/8", "/8", "10.0.0.0/8/8", "2001:db8::/32", "10.0.0.0/100000"}) {
    std::error_code ec;
    BOOST_TEST((lpm_key<ipv4>::parse(text, ec) == lpm_key<ipv4>()), text);
    BOOST_TEST((ec == std::errc::invalid_argument), text);
  }
  std::error_code ec;
  static_cast<void>(lpm_key<ipv4>::parse("10.0.0.0/33", ec));
  BOOST_TEST((ec == std::errc::result_out_of_range));
  static_cast<void>(lpm_key<ipv6>::parse("::/129", ec));
  BOOST_TEST((ec == std::errc::result_out_of_range));
  BOOST_TEST((lpm_key<ipv6>::parse("::1/128", ec) == lpm_key("::1"_ip) && !ec));
  BOOST_TEST((lpm_key<ipv4>::make("10.0.0.1"_ip, 33, ec) == lpm_key<ipv4>()));
  BOOST_TEST((ec == std::errc::result_out_of_range));
  BOOST_TEST((lpm_key<ipv4>::make("10.0.0.1"_ip, 32, ec) == lpm_key("10.0.0.1"_ip) && !ec));

  auto const message_of = [](auto const& f) -> std::string {
    try {
      f();
    } catch (error const& failure) {
      return failure.what();
    }
    return "nothing was thrown";
  };
  BOOST_TEST(
      message_of([] { (void)lpm_key<ipv4>::parse("10.0.0/8"); }) ==
      "parse on '10.0.0/8': Invalid argument [EINVAL]: expected a prefix such as 10.0.0.0/8, of at most 32 bits");
  BOOST_TEST(message_of([] { (void)ipv6::parse("host"); }) ==
             "parse on 'host': Invalid argument [EINVAL]: expected an address such as 2001:db8::1");
  BOOST_TEST(message_of([] { (void)lpm_key<mac>(mac{}, 49); }) ==
             "lpm_key on a prefix of 49 bits: Numerical result out of range [ERANGE]: the address has 48");
}

BOOST_AUTO_TEST_SUITE_END()
