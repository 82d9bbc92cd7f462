// SPDX-License-Identifier: MIT
// What the cases of the fake ring share.
#ifndef BPFMAP_TEST_FAKE_RING_HPP
#define BPFMAP_TEST_FAKE_RING_HPP

#include "fake_libbpf.hpp"
#include "heap.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <unistd.h>

#include <bpfmap/bpfmap.hpp>

namespace test {

/// Descriptors of this process that are not the fake's own.
inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count - fake::own_descriptors();
}

/// Every case begins with a fake kernel without maps and with the files of its machine, and fails if it left a
/// descriptor open, or if a buffer was not what the kernel would have needed.
struct ring {
  std::size_t before;

  ring() {
    fake::reset();
    fake_files::reset();
    before = open_descriptors();
  }
  ring(ring const&) = delete;
  ring& operator=(ring const&) = delete;
  ~ring() {
    BOOST_TEST(open_descriptors() == before, "the case left descriptors open");
    for (std::string const& each : fake::violations()) BOOST_ERROR(each);
    for (std::string const& each : heap::violations()) BOOST_ERROR(each);
    fake::reset();
  }
};

inline bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The bpfmap::error that `f` must throw, as operation, map name, code and text.
struct thrown {
  std::string operation;
  std::string map_name;
  std::string hint;
  std::error_code code;
  std::string text;
};

template <class F>
thrown error_of(F&& f) {
  try {
    f();
  } catch (bpfmap::error const& failure) {
    return {failure.operation(), failure.map_name(), failure.hint(), failure.code(), failure.what()};
  } catch (std::exception const& other) {
    BOOST_ERROR("something else was thrown: " << other.what());
    return {};
  }
  BOOST_ERROR("nothing was thrown");
  return {};
}

/// The message that `f` must throw.
template <class F>
std::string message_of(F&& f) {
  return error_of(std::forward<F>(f)).text;
}

/// Runs `f` with an error code that says that something failed before: f must set or clear it.
template <class F>
std::error_code code_of(F&& f) {
  std::error_code ec = bpfmap::make_error(ENOTTY);
  f(ec);
  return ec;
}

using flows = bpfmap::hash<std::uint32_t, std::uint64_t>;
using hits = bpfmap::percpu_hash<std::uint32_t, std::uint64_t>;
using table = bpfmap::array<std::uint64_t>;
using drops = bpfmap::percpu_array<std::uint64_t>;

/// Looks the kernel's function up that counts elements, if this process has not.
inline void know_the_counter() {
  std::error_code ec;
  (void)bpfmap::detail::element_count_function(ec);
}

/// As if this process had never asked for it. What was made stays for those who have it.
template <class T>
struct forgetting : bpfmap::detail::made_once<T> {
  static void forget(bpfmap::detail::made_once<T>& one) {
    heap::pause const own;
    static auto& kept = *new std::vector<void const*>;
    kept.push_back((one.*(&forgetting::newest_)).exchange(nullptr));
    (one.*(&forgetting::refusal_)).store(0);
  }
};
template <class T>
void forget(bpfmap::detail::made_once<T>& one) {
  forgetting<T>::forget(one);
}

/// A map of class M over a fake one.
template <class M>
M map_with(fake::shape made) {
  made.type = static_cast<std::uint32_t>(M::type);
  int const fd = fake::make_map(made);
  M map = M::from_fd(fd);
  ::close(fd);
  return map;
}

template <class M>
M filled(std::uint32_t count, fake::shape const& made = {}) {
  M map = map_with<M>(made);
  for (std::uint32_t i = 0; i < count; ++i) {
    map.insert_or_assign(static_cast<typename M::key_type>(i), static_cast<typename M::mapped_type>(i + 1));
  }
  return map;
}

}  // namespace test

// How Boost.Test prints what it compares.
namespace bpfmap::inline BPFMAP_ABI {
inline std::ostream& boost_test_print_type(std::ostream& out, counting how) { return out << to_string(how); }
inline std::ostream& boost_test_print_type(std::ostream& out, bulk_path path) { return out << to_string(path); }
inline std::ostream& boost_test_print_type(std::ostream& out, map_type type) { return out << to_string(type); }
inline std::ostream& boost_test_print_type(std::ostream& out, cpu_set const& set) { return out << set.to_string(); }
}  // namespace bpfmap::inline BPFMAP_ABI

#endif
