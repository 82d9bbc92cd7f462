// SPDX-License-Identifier: MIT
// Writes BTF as Documentation/bpf/btf.rst of the kernel describes it.
#ifndef BPFMAP_TEST_FAKE_BTF_BUILDER_HPP
#define BPFMAP_TEST_FAKE_BTF_BUILDER_HPP

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>

namespace test {

struct file_header {
  std::uint16_t magic = 0xeb9f;
  std::uint8_t version = 1;
  std::uint8_t flags = 0;
  std::uint32_t length = 24;
  std::uint32_t type_offset = 0;
  std::uint32_t type_length = 0;
  std::uint32_t string_offset = 0;
  std::uint32_t string_length = 0;
};

enum class type_kind : std::uint8_t {
  int_ = 1,
  ptr,
  array,
  struct_,
  union_,
  enum_,
  fwd,
  typedef_,
  volatile_,
  const_,
  restrict_,
  func,
  func_proto,
  var,
  datasec,
  float_,
  decl_tag,
  type_tag,
  enum64
};

class btf_builder {
 public:
  /// Appends a type; `extra` are the 32-bit words that follow it.
  /// @return its id
  std::uint32_t add(type_kind kind, std::string const& name, std::uint16_t members = 0,
                    std::initializer_list<std::uint32_t> extra = {}, std::uint32_t size_or_type = 0) {
    word(name.empty() ? 0 : name_of(name));
    word(static_cast<std::uint32_t>(kind) << 24 | members);
    word(size_or_type);
    for (std::uint32_t const each : extra) word(each);
    return ++ids_;
  }
  std::uint32_t function(std::string const& name) { return add(type_kind::func, name, 0, {}, 1); }

  /// A struct with members at these places, in bits; with `bit_fields` the upper byte of each is a width.
  std::uint32_t structure(std::string const& name, std::initializer_list<std::pair<char const*, std::uint32_t>> members,
                          bool bit_fields = false) {
    word(name_of(name));
    word((bit_fields ? 1U << 31U : 0U) | static_cast<std::uint32_t>(type_kind::struct_) << 24 |
         static_cast<std::uint32_t>(members.size()));
    word(64);
    for (auto const& [member, place] : members) {
      word(name_of(member));
      word(1);
      word(place);
    }
    return ++ids_;
  }

  /// A member of every kind that has other bytes behind it than another, each with names of its own.
  void one_of_each_kind() {
    add(type_kind::int_, "int", 0, {32}, 4);
    add(type_kind::ptr, "", 0, {}, 1);
    add(type_kind::array, "", 0, {1, 1, 4});
    add(type_kind::struct_, "pair", 2, {1, 1, 0, 1, 1, 32}, 8);
    add(type_kind::union_, "either", 1, {1, 1, 0}, 4);
    add(type_kind::enum_, "colour", 2, {1, 0, 1, 1}, 4);
    add(type_kind::fwd, "later");
    add(type_kind::typedef_, "u32", 0, {}, 1);
    add(type_kind::volatile_, "", 0, {}, 1);
    add(type_kind::const_, "", 0, {}, 1);
    add(type_kind::restrict_, "", 0, {}, 2);
    add(type_kind::func_proto, "", 2, {1, 1, 1, 1}, 1);
    add(type_kind::var, "counter", 0, {1}, 1);
    add(type_kind::datasec, ".bss", 1, {13, 0, 4}, 4);
    add(type_kind::float_, "double", 0, {}, 8);
    add(type_kind::decl_tag, "tag", 0, {0xffffffff}, 1);
    add(type_kind::type_tag, "rcu", 0, {}, 1);
    add(type_kind::enum64, "wide", 1, {1, 7, 0}, 8);
  }

  [[nodiscard]] std::string bytes() const {
    file_header head;
    head.type_length = static_cast<std::uint32_t>(types_.size());
    head.string_offset = head.type_length;
    head.string_length = static_cast<std::uint32_t>(strings_.size());
    return bytes(head);
  }
  [[nodiscard]] std::string bytes(file_header const& head) const {
    std::string whole(sizeof head, '\0');
    std::memcpy(whole.data(), &head, sizeof head);
    return whole + types_ + strings_;
  }
  [[nodiscard]] std::size_t type_bytes() const { return types_.size(); }

 private:
  void word(std::uint32_t value) { types_.append(reinterpret_cast<char const*>(&value), sizeof value); }
  std::uint32_t name_of(std::string const& name) {
    auto const offset = static_cast<std::uint32_t>(strings_.size());
    strings_.append(name).push_back('\0');
    return offset;
  }

  std::string types_;
  std::string strings_ = std::string(1, '\0');
  std::uint32_t ids_ = 0;
};

}  // namespace test

#endif
