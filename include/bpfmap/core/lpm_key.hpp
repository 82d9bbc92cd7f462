// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_LPM_KEY_HPP
#define BPFMAP_CORE_LPM_KEY_HPP

// IP addresses and prefixes: what an lpm_trie is keyed by, as the kernel's struct bpf_lpm_trie_key has it.

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/error.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

// Never holds for text, and says why.
template <class Text>
concept parsed_text = because<!std::convertible_to<Text const&, std::string_view>,
                              "text is read by parse(): lpm_key<ipv4>::parse(line), ipv4::parse(line); a literal is "
                              "\"10.0.0.0/8\"_cidr or \"10.0.0.1\"_ip">;

}  // namespace detail

/// An IP address: its bytes in network order, as in a packet. See ipv4 and ipv6.
template <std::size_t N>
  requires(N == 4 || N == 16)
struct ip_address {
  std::array<std::byte, N> bytes{};

  constexpr ip_address() = default;
  constexpr explicit ip_address(std::array<std::byte, N> const& network_order) noexcept : bytes(network_order) {}
  /// ipv4(10, 0, 0, 1) is 10.0.0.1.
  constexpr ip_address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept
    requires(N == 4)
      : bytes{std::byte{a}, std::byte{b}, std::byte{c}, std::byte{d}} {}

  // A near miss: never there, and says why.
  template <class Text>
    requires std::convertible_to<Text const&, std::string_view>
  explicit ip_address(Text const&)
    requires detail::parsed_text<Text>;

  /// Reads "10.0.0.1", or "2001:db8::1" and "::ffff:10.0.0.1": what inet_pton(3) takes, and nothing else.
  /// @errors EINVAL it is no such text
  static ip_address parse(std::string_view text, std::error_code& ec) noexcept;
  static ip_address parse(std::string_view text)
    requires throwing<>;
  /// As inet_ntop(3) writes it: "2001:db8::1".
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(ip_address const&, ip_address const&) = default;
};

/// An IPv4 address: 4 bytes.
using ipv4 = ip_address<4>;
/// An IPv6 address: 16 bytes.
using ipv6 = ip_address<16>;

namespace detail {

// A number below 2^16 and at most `max`, in decimal and without leading zeros, off the front of `text`.
constexpr bool take_decimal(std::string_view& text, std::uint32_t max, std::uint32_t& number) noexcept {
  std::size_t digits = 0;
  number = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    number = number * 10 + static_cast<std::uint32_t>(text[digits++] - '0');
    if (digits > 5) return false;
  }
  bool const good = digits == 1 || (digits != 0 && text[0] != '0');
  text.remove_prefix(digits);
  return good && number <= max;
}

constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool parse_address(std::string_view text, ipv4& address) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    std::uint32_t number = 0;
    if (!take_decimal(text, 255, number)) return false;
    address.bytes[i] = static_cast<std::byte>(number);
  }
  return text.empty();
}

// One group of up to four hexadecimal digits, off the front of `text`.
constexpr bool take_group(std::string_view& text, std::uint32_t& group) noexcept {
  std::size_t digits = 0;
  group = 0;
  while (digits < text.size() && digits < 5 && hex_digit(text[digits]) >= 0) {
    group = group * 16 + static_cast<std::uint32_t>(hex_digit(text[digits++]));
  }
  text.remove_prefix(digits);
  return digits != 0 && digits < 5;
}

constexpr bool parse_address(std::string_view text, ipv6& address) noexcept {
  constexpr std::size_t none = 17;
  auto& bytes = address.bytes = {};
  std::size_t at = 0;
  std::size_t gap = none;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  } else if (text.empty()) {
    return false;
  }
  while (!text.empty()) {
    if (at <= 12 && text.find('.') != text.npos && text.find(':') == text.npos) {
      ipv4 tail;
      if (!parse_address(text, tail)) return false;
      for (std::byte const each : tail.bytes) bytes[at++] = each;
      break;
    }
    std::uint32_t group = 0;
    if (at == 16 || !take_group(text, group)) return false;
    bytes[at++] = static_cast<std::byte>(group >> 8);
    bytes[at++] = static_cast<std::byte>(group & 0xff);
    if (text.empty()) break;
    if (!text.starts_with(':')) return false;
    text.remove_prefix(1);
    if (text.empty()) return false;
    if (text.starts_with(':')) {
      if (gap != none) return false;
      gap = at;
      text.remove_prefix(1);
    }
  }
  if (gap == none || at == 16) return gap == none && at == 16;
  // What follows the gap belongs at the end.
  for (std::size_t from = at, to = 16; from > gap;) {
    bytes[--to] = bytes[--from];
    bytes[from] = std::byte{0};
  }
  return true;
}

// Every bit behind the first `length` becomes 0.
constexpr void mask_bits(std::byte* bytes, std::size_t count, std::uint32_t length) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t const kept = length > 8 * i ? length - static_cast<std::uint32_t>(8 * i) : 0;
    if (kept < 8) bytes[i] &= static_cast<std::byte>(0xff00U >> kept & 0xff);
  }
}

template <class T>
inline constexpr bool is_byte_array = false;
template <std::size_t N>
inline constexpr bool is_byte_array<std::array<std::byte, N>> = N >= 1 && N <= 256;

template <class T>
inline constexpr bool is_ip = std::is_same_v<T, ipv4> || std::is_same_v<T, ipv6>;

template <class Address>
constexpr auto& bytes_of(Address& address) noexcept {
  if constexpr (is_ip<std::remove_const_t<Address>>)
    return address.bytes;
  else
    return address;
}

inline constexpr std::string_view hex_digits = "0123456789abcdef";

inline std::string address_text(ipv4 const& address) {
  std::string text;
  for (std::byte const each : address.bytes) {
    if (!text.empty()) text += '.';
    text += std::to_string(std::to_integer<unsigned>(each));
  }
  return text;
}

// As RFC 5952 has it: no leading zeros, and "::" for the longest run of at least two groups of zeros, the first of
// several. Addresses that carry an IPv4 address (RFC 4291, 2.5.5) end with it, as inet_ntop(3) writes them.
inline std::string address_text(ipv6 const& address) {
  auto const group = [&](std::size_t i) {
    return std::to_integer<unsigned>(address.bytes[2 * i]) << 8 | std::to_integer<unsigned>(address.bytes[2 * i + 1]);
  };
  std::size_t gap = 8;
  std::size_t gap_length = 1;
  for (std::size_t from = 0, to = 0; from < 8; from = to + 1) {
    for (to = from; to < 8 && group(to) == 0;) ++to;
    if (to - from > gap_length) {
      gap = from;
      gap_length = to - from;
    }
  }
  bool const carries_ipv4 = gap == 0 && (gap_length == 6 || (gap_length == 5 && group(5) == 0xffff));
  std::size_t const groups = carries_ipv4 ? 6 : 8;
  std::string text;
  for (std::size_t i = 0; i < groups;) {
    if (i == gap) {
      text += "::";
      i += gap_length;
      continue;
    }
    if (i != 0 && !text.ends_with(':')) text += ':';
    bool leading = true;
    for (unsigned shift = 16; shift != 0;) {
      shift -= 4;
      unsigned const digit = group(i) >> shift & 15;
      leading = leading && digit == 0 && shift != 0;
      if (!leading) text += hex_digits[digit];
    }
    ++i;
  }
  if (carries_ipv4) {
    if (!text.ends_with(':')) text += ':';
    ipv4 carried;
    std::copy_n(address.bytes.begin() + 12, 4, carried.bytes.begin());
    text += address_text(carried);
  }
  return text;
}

template <std::size_t N>
std::string address_text(std::array<std::byte, N> const& bytes) {
  std::string text;
  for (std::byte const each : bytes) {
    text += hex_digits[std::to_integer<unsigned>(each >> 4)];
    text += hex_digits[std::to_integer<unsigned>(each & std::byte{15})];
  }
  return text;
}

[[noreturn, gnu::cold, gnu::noinline]] inline void raise_parse(std::string_view text, std::error_code ec,
                                                               std::string_view wanted) {
  raise(ec, operation::parse, detail::join("'", text, "'"), {}, detail::join("expected ", wanted));
}

}  // namespace detail

/// What a prefix can be of: bytes in network order, compared from the first bit on.
template <class Address>
concept lpm_address =
    because<detail::is_ip<Address> || detail::is_byte_array<Address>,
            "a prefix is of bytes in network order: use bpfmap::ipv4, bpfmap::ipv6 or std::array<std::byte, N> with N "
            "from 1 to 256">;

/// The first `length()` bits of an address, such as 10.0.0.0/8: the key of an lpm_trie. The other bits are
/// always 0, so that equal prefixes are equal keys; also of the keys that a trie gives, whoever wrote them. Only bytes
/// that are copied from elsewhere (a value, an event) are as they were written: see normalized().
///
/// Its bytes are those of the kernel's struct bpf_lpm_trie_key: the length in this machine's byte order, then the
/// address. There is no padding, whatever the size of the address.
/// @code
/// using namespace bpfmap::literals;
/// auto const lan = "192.168.0.0/16"_cidr;                        // wrong ones do not compile
/// auto const net = bpfmap::lpm_key<bpfmap::ipv6>::parse(text);  // wrong ones throw
/// @endcode
template <lpm_address Address>
class lpm_key {
 public:
  using address_type = Address;
  /// The length of the longest prefix.
  static constexpr std::uint32_t max_length = 8 * sizeof(Address);

  /// The empty prefix, which all addresses have: 0.0.0.0/0.
  constexpr lpm_key() = default;
  /// The prefix that only `address` has: 10.0.0.1/32.
  constexpr explicit lpm_key(Address const& address) noexcept : lpm_key(address, max_length, trusted{}) {}
  /// The first `length` bits of `address`.
  /// @errors ERANGE the address has not so many
  constexpr lpm_key(Address const& address, std::uint32_t length)
    requires throwing<>
      : lpm_key(address, length, trusted{}) {
    if (length > max_length) raise_length(length);
  }
  // A near miss: never there, and says why.
  template <class Text>
    requires std::convertible_to<Text const&, std::string_view>
  explicit lpm_key(Text const&)
    requires detail::parsed_text<Text>;
  static lpm_key make(Address const& address, std::uint32_t length, std::error_code& ec) noexcept {
    ec = length > max_length ? make_error(ERANGE) : std::error_code{};
    return ec ? lpm_key() : lpm_key(address, length, trusted{});
  }

  /// Reads "10.0.0.0/8" or "2001:db8::/32". Host bits may be set, and are dropped.
  /// @errors EINVAL it is no such text; ERANGE the address has not so many bits
  static lpm_key parse(std::string_view text, std::error_code& ec) noexcept
    requires because<detail::is_ip<Address>, "only prefixes of ipv4 and ipv6 have a text that can be read">
  {
    lpm_key key;
    int const failed = read(text, key);
    ec = failed == 0 ? std::error_code{} : make_error(failed);
    return key;
  }
  static lpm_key parse(std::string_view text)
    requires throwing<> &&
             because<detail::is_ip<Address>, "only prefixes of ipv4 and ipv6 have a text that can be read">
  {
    std::error_code ec;
    lpm_key const key = parse(text, ec);
    if (ec) detail::raise_parse(text, ec, wanted_text());
    return key;
  }

  [[nodiscard]] constexpr Address const& address() const noexcept { return address_; }
  /// How many bits of the address count.
  [[nodiscard]] constexpr std::uint32_t length() const noexcept { return std::bit_cast<std::uint32_t>(length_); }
  /// Whether `address` begins with this prefix.
  [[nodiscard]] constexpr bool contains(Address const& address) const noexcept {
    return lpm_key(address, length(), trusted{}) == *this;
  }
  /// Whether all that begins with `other` begins with this prefix.
  [[nodiscard]] constexpr bool contains(lpm_key const& other) const noexcept {
    return other.length() >= length() && contains(other.address());
  }

  /// This prefix with all other bits 0, as it is unless its bytes come from another program's memory.
  [[nodiscard]] constexpr lpm_key normalized() const noexcept { return {address_, length(), trusted{}}; }

  /// "10.0.0.0/8", "2001:db8::/32"; of other addresses the bytes in hexadecimal: "0a0b0c/12".
  [[nodiscard]] std::string to_string() const { return detail::join(detail::address_text(address_), "/", length()); }

  friend constexpr bool operator==(lpm_key const&, lpm_key const&) = default;
  /// By address, and of one address the shorter first.
  friend constexpr auto operator<=>(lpm_key const& a, lpm_key const& b) noexcept {
    auto const order = a.address_ <=> b.address_;
    return order != 0 ? order : a.length() <=> b.length();
  }

  // For operator""_cidr and parse(): 0 or an errno.
  static constexpr int read(std::string_view text, lpm_key& key) noexcept {
    std::size_t const slash = text.find('/');
    Address address{};
    if (slash == text.npos || !detail::parse_address(text.substr(0, slash), address)) return EINVAL;
    text.remove_prefix(slash + 1);
    std::uint32_t length = 0;
    if (!detail::take_decimal(text, 99999, length) || !text.empty()) return EINVAL;
    if (length > max_length) return ERANGE;
    key = lpm_key(address, length, trusted{});
    return 0;
  }

 private:
  struct trusted {};
  constexpr lpm_key(Address const& address, std::uint32_t length, trusted) noexcept
      : length_(std::bit_cast<std::array<std::byte, 4>>(length)), address_(address) {
    auto& bytes = detail::bytes_of(address_);
    detail::mask_bits(bytes.data(), bytes.size(), length);
  }

  static constexpr std::string_view wanted_text() noexcept {
    return std::is_same_v<Address, ipv4> ? "a prefix such as 10.0.0.0/8, of at most 32 bits"
                                         : "a prefix such as 2001:db8::/32, of at most 128 bits";
  }
  [[noreturn, gnu::cold, gnu::noinline]] static void raise_length(std::uint32_t length) {
    detail::raise(make_error(ERANGE), operation::lpm_key, detail::join("a prefix of ", length, " bits"), {},
                  detail::join("the address has ", max_length));
  }

  // Bytes, not a number: its alignment would pad the key of a std::array<std::byte, 6>.
  std::array<std::byte, 4> length_{};
  Address address_{};
};

template <std::size_t N>
  requires(N == 4 || N == 16)
ip_address<N> ip_address<N>::parse(std::string_view text, std::error_code& ec) noexcept {
  ip_address address;
  if (!detail::parse_address(text, address)) {
    ec = make_error(EINVAL);
    return {};
  }
  ec.clear();
  return address;
}
template <std::size_t N>
  requires(N == 4 || N == 16)
ip_address<N> ip_address<N>::parse(std::string_view text)
  requires throwing<>
{
  std::error_code ec;
  ip_address const address = parse(text, ec);
  if (ec) detail::raise_parse(text, ec, N == 4 ? "an address such as 10.0.0.1" : "an address such as 2001:db8::1");
  return address;
}
template <std::size_t N>
  requires(N == 4 || N == 16)
std::string ip_address<N>::to_string() const {
  return detail::address_text(*this);
}

namespace detail {

// The text of a literal, and what kind of address it must be.
template <text Text>
struct ip_literal {
  static constexpr std::string_view view{Text.chars, sizeof Text.chars - 1};
  using address = std::conditional_t<view.find(':') == view.npos, ipv4, ipv6>;

  static constexpr bool is_address() {
    address unused;
    return parse_address(view, unused);
  }
  static constexpr bool is_prefix() {
    lpm_key<address> unused;
    return lpm_key<address>::read(view, unused) == 0;
  }
};

template <text Text>
concept address_literal =
    because<ip_literal<Text>::is_address(), "this is no IP address: write \"10.0.0.1\"_ip or \"2001:db8::1\"_ip">;
template <text Text>
concept prefix_literal =
    because<ip_literal<Text>::is_prefix(),
            "this is no IP prefix: write \"10.0.0.0/8\"_cidr or \"2001:db8::/32\"_cidr, with at most 32 or 128 bits">;

}  // namespace detail

inline namespace literals {

/// `"10.0.0.0/8"_cidr` is an lpm_key<ipv4>, `"2001:db8::/32"_cidr` an lpm_key<ipv6>. Host bits are dropped. What is no
/// prefix does not compile.
template <text Text>
  requires detail::prefix_literal<Text>
consteval auto operator""_cidr() {
  lpm_key<typename detail::ip_literal<Text>::address> key;
  static_cast<void>(key.read(detail::ip_literal<Text>::view, key));
  return key;
}

/// `"10.0.0.1"_ip` is an ipv4, `"2001:db8::1"_ip` an ipv6. What is no address does not compile.
template <text Text>
  requires detail::address_literal<Text>
consteval auto operator""_ip() {
  typename detail::ip_literal<Text>::address address;
  static_cast<void>(detail::parse_address(detail::ip_literal<Text>::view, address));
  return address;
}

}  // namespace literals

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
