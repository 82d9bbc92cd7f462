// SPDX-License-Identifier: MIT
// flags: -fno-exceptions
// expect-error: exceptions are disabled: call the overload whose last parameter is
#include <bpfmap/streams/perf_event_array.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>

using reader = bpfmap::perf_reader<std::uint64_t>;

std::size_t use(reader& from) {
#ifdef BPFMAP_EXPECT_ERROR
  return from.poll(std::chrono::milliseconds(1), [](std::uint64_t) {});
#else
  std::error_code ec;
  return from.poll(
      std::chrono::milliseconds(1), [](std::uint64_t) {}, ec);
#endif
}
