// SPDX-License-Identifier: MIT
// How Boost.Test prints bpfmap's own types, and other things that the static tests share.
#ifndef BPFMAP_TEST_STATIC_PRINT_HPP
#define BPFMAP_TEST_STATIC_PRINT_HPP

#include <bpfmap/core/map_traits.hpp>

#include <boost/test/unit_test.hpp>

#include <ostream>
#include <type_traits>

// Found by argument-dependent lookup.
namespace bpfmap {

inline std::ostream& boost_test_print_type(std::ostream& out, map_type const& type) {
  return out << to_string(type) << " (" << static_cast<std::uint32_t>(type) << ")";
}
inline std::ostream& boost_test_print_type(std::ostream& out, counting const& how) { return out << to_string(how); }
inline std::ostream& boost_test_print_type(std::ostream& out, kernel_version const& version) {
  return out << version.major << "." << version.minor;
}
template <class Enum>
  requires std::is_enum_v<Enum>
std::ostream& boost_test_print_type(std::ostream& out, Enum const& value) {
  return out << static_cast<unsigned long>(value);
}

}  // namespace bpfmap

#endif
