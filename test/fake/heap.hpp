// SPDX-License-Identifier: MIT
// The heap of a test executable: knows what is allocated, puts red zones around it, counts, and can refuse.
#ifndef BPFMAP_TEST_FAKE_HEAP_HPP
#define BPFMAP_TEST_FAKE_HEAP_HPP

#include <cstddef>
#include <string>
#include <vector>

namespace heap {

/// How often this thread has allocated by operator new since it began; what happens inside pause is not counted.
std::size_t allocations() noexcept;

/// The bytes from `at` to the end of the allocation that holds it; the largest number there is if none does (a
/// local variable, say).
std::size_t room_at(void const* at) noexcept;

/// What went wrong so far: red zones that were written to, memory that was given back by the wrong operator. Gone
/// from the list once told.
std::vector<std::string> violations();

/// While it lives, this thread's allocations are the test's own affair: not counted and never refused.
struct pause {
  pause() noexcept;
  pause(pause const&) = delete;
  pause& operator=(pause const&) = delete;
  ~pause();
};

/// While it lives, this thread gets no allocation larger than `most` bytes.
struct limit {
  explicit limit(std::size_t most) noexcept;
  limit(limit const&) = delete;
  limit& operator=(limit const&) = delete;
  ~limit();
};

}  // namespace heap

#endif
