// SPDX-License-Identifier: MIT
// expect-error: need not end in a null character
#include <bpfmap/core/cstring.hpp>

#include <string>
#include <string_view>

char const* use(std::string_view path) {
#ifdef BPFMAP_EXPECT_ERROR
  return bpfmap::cstring_view(path).c_str();
#else
  static std::string const owned(path);
  return bpfmap::cstring_view(owned).c_str();
#endif
}
