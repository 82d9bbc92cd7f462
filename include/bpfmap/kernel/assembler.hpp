// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_ASSEMBLER_HPP
#define BPFMAP_KERNEL_ASSEMBLER_HPP

// Puts BPF instructions together to programs that branch and loop: jumps go to labels, not by counting.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <system_error>

#include <bpfmap/core/error.hpp>
#include <bpfmap/kernel/instructions.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail::bpf {

/// A place in a program that jumps may go to, before or after it is known where it lies.
struct label {
  std::uint32_t number;
};

/// Collects instructions. What does not fit is remembered, and code() then fails; so no single call need be checked.
class assembler {
 public:
  /// @cost one allocation, of 34 KiB
  assembler() noexcept : code_(new(std::nothrow) instruction[most]) { failed_ = code_ ? 0 : ENOMEM; }

  assembler& operator<<(instruction one) noexcept {
    if (failed_ == 0 && count_ == most) failed_ = E2BIG;
    if (failed_ == 0) code_[count_++] = one;
    return *this;
  }
  assembler& operator<<(std::array<instruction, 2> const& pair) noexcept { return *this << pair[0] << pair[1]; }

  /// A label that lies nowhere yet.
  [[nodiscard]] label new_label() noexcept {
    if (labels_ == max_labels) {
      failed_ = E2BIG;
      return {0};
    }
    places_[labels_] = nowhere;
    return {labels_++};
  }
  /// The label lies before the next instruction.
  void place(label here) noexcept { places_[here.number] = count_; }
  /// A label before the next instruction.
  [[nodiscard]] label new_label_here() noexcept {
    label const here = new_label();
    place(here);
    return here;
  }

  /// `jump` is one of the skip functions with a count of 0: it goes to the label instead.
  void jump(instruction const& jump, label to) noexcept { refer(jump, to); }
  /// As `jump`, when a `what` b.
  void jump_if(reg a, when what, reg b, label to) noexcept { refer(skip_if(a, what, b, 0), to); }
  void jump_if(reg a, when what, std::int32_t value, label to) noexcept { refer(skip_if(a, what, value, 0), to); }
  void jump(label to) noexcept { refer(skip(0), to); }

  /// to = the address of the function at `function`, for helpers that call back. Takes two instructions. The program
  /// needs BTF that tells of its functions.
  void load_function(reg to, label function) noexcept {
    constexpr std::uint8_t pseudo_function = 4;  // BPF_PSEUDO_FUNC, Linux 5.13
    refer(make(BPF_LD | BPF_DW | BPF_IMM, number(to), pseudo_function, 0, 0), function);
    *this << make(0, 0, 0, 0, 0);
  }

  /// to[0, bytes) = from[0, bytes), in the largest steps; `through` is used on the way. Neither must be aligned where
  /// the processor does not ask for it (x86-64, arm64).
  void copy(reg to, std::uint32_t to_offset, reg from, std::uint32_t from_offset, std::size_t bytes,
            reg through) noexcept {
    for (std::uint32_t done = 0; done < bytes;) {
      std::size_t const left = bytes - done;
      std::size_t const step = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      *this << load(through, from, from_offset + done, step) << store(to, to_offset + done, through, step);
      done += static_cast<std::uint32_t>(step);
    }
  }

  /// How many instructions there are.
  [[nodiscard]] std::uint32_t size() const noexcept { return count_; }

  /// The program, with every jump in its place. Valid as long as this object.
  /// @errors ENOMEM; E2BIG too long, or a jump too far; EINVAL a label that lies nowhere
  [[nodiscard]] std::span<instruction const> code(std::error_code& ec) noexcept {
    for (std::uint32_t i = 0; i < references_ && failed_ == 0; ++i) {
      auto const [at, to] = reference_[i];
      std::uint32_t const place = places_[to];
      std::int64_t const distance = std::int64_t{place} - at - 1;
      if (place == nowhere) {
        failed_ = EINVAL;
      } else if (code_[at].code == (BPF_LD | BPF_DW | BPF_IMM)) {
        code_[at].imm = static_cast<std::int32_t>(distance);
      } else if (distance < INT16_MIN || distance > INT16_MAX) {
        failed_ = E2BIG;
      } else {
        code_[at].off = static_cast<std::int16_t>(distance);
      }
    }
    ec = failed_ != 0 ? make_error(failed_) : std::error_code{};
    return {code_.get(), failed_ != 0 ? 0 : count_};
  }

 private:
  // What the kernel takes from users without privileges; more than bpfmap's programs have.
  static constexpr std::uint32_t most = 4096;
  static constexpr std::uint32_t max_labels = 64;
  static constexpr std::uint32_t max_references = 256;
  static constexpr std::uint32_t nowhere = ~0U;

  struct reference {
    std::uint32_t at;
    std::uint32_t to;
  };

  void refer(instruction const& from, label to) noexcept {
    if (references_ == max_references) {
      failed_ = E2BIG;
      return;
    }
    reference_[references_++] = {count_, to.number};
    *this << from;
  }

  std::unique_ptr<instruction[]> code_;
  std::array<std::uint32_t, max_labels> places_{};
  std::array<reference, max_references> reference_{};
  std::uint32_t count_ = 0;
  std::uint32_t labels_ = 0;
  std::uint32_t references_ = 0;
  int failed_ = 0;
};

}  // namespace bpfmap::inline BPFMAP_ABI::detail::bpf

#endif
