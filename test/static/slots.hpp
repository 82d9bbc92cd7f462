// SPDX-License-Identifier: MIT
// Per-CPU slots without a kernel.
#ifndef BPFMAP_TEST_STATIC_SLOTS_HPP
#define BPFMAP_TEST_STATIC_SLOTS_HPP

#include <bpfmap/core/cpu.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <system_error>

namespace test {

inline bpfmap::cpu_set cpus(std::string_view list) {
  std::error_code ec;
  bpfmap::cpu_set set = bpfmap::cpu_set::parse(list, ec);
  BOOST_TEST_REQUIRE(!ec, list << ": " << ec.message());
  return set;
}

/// Memory for the slots of one element, for the possible CPUs that `list` names. As the library takes it from
/// the heap: aligned to 64 bytes, and full of what was there before.
template <class Slot>
class slots {
 public:
  explicit slots(std::string_view list)
      : cpus_(cpus(list)),
        bytes_(bpfmap::detail::slot_stride<Slot> * cpus_.size()),
        memory_(static_cast<std::byte*>(::operator new(bytes_, std::align_val_t{64}))) {
    std::memset(memory_.get(), 0xa5, bytes_);
  }

  void clear() { std::memset(memory_.get(), 0, bytes_); }

  [[nodiscard]] bpfmap::per_cpu_view<Slot> view() const { return {memory_.get(), cpus_}; }
  [[nodiscard]] std::byte* data() const { return memory_.get(); }
  [[nodiscard]] bpfmap::cpu_set const& set() const { return cpus_; }

 private:
  struct release {
    void operator()(std::byte* memory) const { ::operator delete(memory, std::align_val_t{64}); }
  };

  bpfmap::cpu_set cpus_;
  std::size_t bytes_;
  std::unique_ptr<std::byte, release> memory_;
};

}  // namespace test

#endif
