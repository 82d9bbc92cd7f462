// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_FUNCTION_TYPES_HPP
#define BPFMAP_KERNEL_FUNCTION_TYPES_HPP

// What the kernel wants to know of programs that give helpers functions of their own to call (bpf_loop,
// bpf_for_each_map_elem).

#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>

#include <bpfmap/core/error.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// BTF that tells the kernel that a program's functions give an int: it takes no callback without.
class function_types {
 public:
  /// @errors EPERM no CAP_BPF; ENOMEM
  /// @cost two system calls
  static function_types load(std::error_code& ec) noexcept {
    function_types made;
    made.types_.reset(::btf__new_empty());
    if (made.types_ == nullptr) {
      ec = make_error(ENOMEM);
      return made;
    }
    ::btf* const types = made.types_.get();
    int const number = ::btf__add_int(types, "int", sizeof(int), BTF_INT_SIGNED);
    int const shape = number < 0 ? number : ::btf__add_func_proto(types, number);
    int const id = shape < 0 ? shape : ::btf__add_func(types, "bpfmap_step", BTF_FUNC_STATIC, shape);
    int const failed = id < 0 ? id : ::btf__load_into_kernel(types);
    ec = failed < 0 ? make_error(failed) : std::error_code{};
    made.function_ = static_cast<std::uint32_t>(id);
    return made;
  }

  [[nodiscard]] int fd() const noexcept { return ::btf__fd(types_.get()); }
  /// The type of every function.
  [[nodiscard]] std::uint32_t function() const noexcept { return function_; }

 private:
  struct closer {
    void operator()(::btf* it) const noexcept { ::btf__free(it); }
  };
  std::unique_ptr<::btf, closer> types_;
  std::uint32_t function_ = 0;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
