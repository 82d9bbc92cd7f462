// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_MAP_INFO_HPP
#define BPFMAP_ENGINE_MAP_INFO_HPP

// What a map is (read from the kernel), what it should be (asked by a class), and how the two differ.

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <bpfmap/core/cstring.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/kernel/privileges.hpp>
#include <bpfmap/kernel/sys.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// What the kernel tells about a map: BPF_OBJ_GET_INFO_BY_FD. None of it changes in the life of a map.
struct map_info {
  std::uint32_t id = 0;
  map_type type = map_type::unspec;  ///< may be a number that bpfmap has no name for
  std::uint32_t key_size = 0;        ///< bytes
  std::uint32_t value_size = 0;      ///< bytes; of one slot for per-CPU types
  std::uint32_t max_entries = 0;     ///< what the kernel made of it: LRU maps may be rounded up
  std::uint32_t flags = 0;           ///< map_flags, with those that the kernel adds
  std::uint64_t map_extra = 0;
  std::uint32_t btf_id = 0;  ///< 0: the map has no BTF
  std::uint32_t btf_key_type_id = 0;
  std::uint32_t btf_value_type_id = 0;
  char name_chars[16] = {};

  /// At most 15 characters; may be empty.
  [[nodiscard]] std::string_view name() const noexcept {
    return {name_chars, ::strnlen(name_chars, sizeof name_chars)};
  }

  /// Reads it.
  /// @errors EBADF `fd` is not open; EINVAL it is no map
  /// @cost two system calls
  /// @param surely  the descriptor is known to be a map's: one system call
  static map_info read(int fd, std::error_code& ec, bool surely = false) noexcept {
    sys::raw_map_info raw{};
    int failed = sys::map_info(fd, raw);
    if (failed == -EBADFD) failed = -EBADF;  // this command's own word for a closed descriptor
    if (failed == 0 && !surely) {
      // The same command answers for programs, links and BTF, with other fields in the same bytes. A batch of
      // no elements tells a map from those: it does nothing, and only what is no map is EINVAL.
      std::uint32_t none = 0;
      char cursor[8];
      if (sys::map_lookup_batch(fd, nullptr, cursor, cursor, cursor, none) == -EINVAL) failed = -EINVAL;
    }
    if (failed != 0) {
      ec = make_error(failed);
      return {};
    }
    ec.clear();
    map_info info;
    info.id = raw.id;
    info.type = static_cast<map_type>(raw.type);
    info.key_size = raw.key_size;
    info.value_size = raw.value_size;
    info.max_entries = raw.max_entries;
    info.flags = raw.map_flags;
    info.map_extra = raw.map_extra;
    info.btf_id = raw.btf_id;
    info.btf_key_type_id = raw.btf_key_type_id;
    info.btf_value_type_id = raw.btf_value_type_id;
    std::memcpy(info.name_chars, raw.name, sizeof info.name_chars);
    return info;
  }
};

/// A map's name as options hold it: a copy, so that they may be made from texts that are gone when they are used. What
/// is too long to be a name is kept as far as to tell that it is.
class map_name {
 public:
  constexpr map_name() noexcept = default;
  constexpr map_name(char const* chars) noexcept : map_name(std::string_view(chars == nullptr ? "" : chars)) {}
  constexpr map_name(std::string_view chars) noexcept {
    for (char const each : chars.substr(0, most + 1)) chars_[size_++] = each;
  }
  map_name(std::string const& chars) noexcept : map_name(std::string_view(chars)) {}

  [[nodiscard]] constexpr char const* c_str() const noexcept { return chars_; }
  constexpr operator std::string_view() const noexcept { return {chars_, size_}; }

 private:
  static constexpr std::size_t most = 15;  // BPF_OBJ_NAME_LEN is one more

  char chars_[most + 2] = {};
  std::size_t size_ = 0;
};

/// How to create a map. Sizes and type come from the class.
struct create_options {
  map_name name = {};                           ///< 1 to 15 characters of A-Z a-z 0-9 _ . or empty
  std::uint32_t max_entries = 0;                ///< elements; 0 only where the class has a rule of its own
  std::uint32_t flags = 0;                      ///< map_flags; the class adds those that it needs
  std::optional<std::uint32_t> numa_node = {};  ///< where the memory comes from
  std::uint64_t map_extra = 0;
  std::uint32_t btf_fd = 0;  ///< BTF of key and value; 0: none
  std::uint32_t btf_key_type_id = 0;
  std::uint32_t btf_value_type_id = 0;
  std::uint32_t inner_map_fd = 0;  ///< maps of maps: one like those to come; their classes set it
};

namespace detail {

/// As a size that is expected: whatever it is.
inline constexpr std::uint32_t any_size = 0xffffffff;

/// What a class needs a map to be.
struct map_expectation {
  map_type type;
  std::uint32_t key_size;
  std::uint32_t value_size;  // or any_size
  std::uint32_t flags;       // map_flags that must be set
};

inline void append_difference(std::string& list, std::string_view what, std::string const& is,
                              std::string const& expected) {
  if (!list.empty()) list.append("; ");
  list.append(what).append(" is ").append(is).append(", expected ").append(expected);
}

inline std::string type_text(map_type type) {
  return type == map_type::unspec || traits_of(type).type == map_type::unspec
             ? detail::join("type number ", static_cast<std::uint32_t>(type))
             : std::string(to_string(type));
}

inline void add_flag_names(sentence& text, std::uint32_t flags) noexcept {
  static constexpr std::pair<std::uint32_t, std::string_view> names[] = {
      {map_flags::no_prealloc, "no_prealloc"},
      {map_flags::no_common_lru, "no_common_lru"},
      {map_flags::numa_node, "numa_node"},
      {map_flags::rdonly, "rdonly"},
      {map_flags::wronly, "wronly"},
      {map_flags::stack_build_id, "stack_build_id"},
      {map_flags::zero_seed, "zero_seed"},
      {map_flags::rdonly_prog, "rdonly_prog"},
      {map_flags::wronly_prog, "wronly_prog"},
      {map_flags::clone, "clone"},
      {map_flags::mmapable, "mmapable"},
      {map_flags::preserve_elems, "preserve_elems"},
      {map_flags::inner_map, "inner_map"},
      {map_flags::link, "link"},
      {map_flags::path_fd, "path_fd"},
      {map_flags::vtype_btf_obj_fd, "vtype_btf_obj_fd"},
      {map_flags::token_fd, "token_fd"},
      {map_flags::segv_on_fault, "segv_on_fault"},
      {map_flags::no_user_conv, "no_user_conv"},
      {map_flags::rb_overwrite, "rb_overwrite"},
  };
  if (flags == 0) text.add("none");
  std::string_view separator = "";
  auto const add = [&](auto const& name) {
    text.add(separator, name);
    separator = "|";
  };
  for (auto const& [flag, name] : names) {
    if ((flags & flag) != 0) add(name);
    flags &= ~flag;
  }
  if (flags != 0) add(flags);
}
inline std::string flag_names(std::uint32_t flags) {
  sentence text;
  add_flag_names(text, flags);
  return std::string(text.view());
}

constexpr bool fits(map_expectation const& expected, map_info const& info) noexcept {
  return info.type == expected.type && info.key_size == expected.key_size &&
         (info.value_size == expected.value_size || expected.value_size == any_size) &&
         (info.flags & expected.flags) == expected.flags;
}

/// Every difference at once, both sides; empty if the map fits.
inline std::string differences(map_expectation const& expected, map_info const& info) {
  std::string list;
  if (info.type != expected.type) append_difference(list, "type", type_text(info.type), type_text(expected.type));
  if (info.key_size != expected.key_size) {
    append_difference(list, "key size", std::to_string(info.key_size), std::to_string(expected.key_size));
  }
  if (info.value_size != expected.value_size && expected.value_size != any_size) {
    append_difference(list, "value size", std::to_string(info.value_size), std::to_string(expected.value_size));
  }
  if (std::uint32_t const missing = expected.flags & ~info.flags; missing != 0) {
    append_difference(list, "flags", flag_names(info.flags), detail::join("also ", flag_names(missing)));
  }
  return list;
}

constexpr bool valid_name(std::string_view name) noexcept {
  for (char const c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.')) {
      return false;
    }
  }
  return name.size() < sizeof map_info::name_chars;
}

/// Why BPF_MAP_CREATE will refuse these options, as far as the table knows; nothing if it knows nothing.
inline void add_creation_problems(sentence& list, map_expectation const& wanted,
                                  create_options const& options) noexcept {
  map_traits const& traits = traits_of(wanted.type);
  auto const add = [&](auto const&... problem) { list.separate("; ").add(problem...); };
  if (std::string_view const name = options.name; !valid_name(name)) {
    add("the name '", name, "' must have at most 15 characters of A-Z a-z 0-9 _ .");
  }
  if (traits.entries != entries_rule::zero && options.max_entries == 0) add("max_entries is 0");
  if (traits.entries == entries_rule::zero && options.max_entries != 0) add("max_entries must be 0");
  if (std::uint32_t const wrong = options.flags & ~traits.flags_allowed; wrong != 0) {
    add("flags that ", article(traits.name), traits.name, " does not take: ");
    add_flag_names(list, wrong);
  }
  if (options.numa_node && (traits.flags_allowed & map_flags::numa_node) == 0) {
    add(article(traits.name), traits.name, " cannot choose its NUMA node");
  }
  if (options.map_extra != 0 && !traits.map_extra)
    add("map_extra means nothing to ", article(traits.name), traits.name);
  if (wanted.key_size > traits.max_key_size) add("the key is larger than ", traits.max_key_size);
  if (wanted.value_size > traits.max_value_size) add("the value is larger than ", traits.max_value_size);
}
inline std::string creation_problems(map_expectation const& wanted, create_options const& options) {
  sentence list;
  add_creation_problems(list, wanted, options);
  return std::string(list.view());
}

/// Why BPF_MAP_CREATE answered so, for who has these privileges; nothing if that cannot be told.
inline void explain_creation(sentence& text, map_expectation const& wanted, create_options const& options, int number,
                             privileges const& own) noexcept {
  add_creation_problems(text, wanted, options);
  if (!text.empty()) return;
  map_traits const& traits = traits_of(wanted.type);
  bool const network = traits.needs == capability::bpf_and_net_admin;
  switch (number) {
    case EPERM:
      if (!own.initial_user_namespace ||
          (own.has(privileges::cap_bpf) && (!network || own.has(privileges::cap_net_admin)))) {
        add_privilege_hint(text, "creating maps", own, false);
      } else {
        text.add(network ? "creating it needs CAP_BPF and CAP_NET_ADMIN: run as root, or give the program both"
                         : "creating maps needs CAP_BPF: run as root, or setcap cap_bpf+ep (kernels before 5.11 also "
                           "need a higher RLIMIT_MEMLOCK)");
      }
      return;
    case EINVAL:
      text.add("the kernel refuses these attributes; ", article(traits.name), traits.name, " needs Linux ",
               traits.since.major, ".", traits.since.minor,
               traits.type == map_type::inode_storage ? " with CONFIG_BPF_LSM" : "");
      return;
    case EOPNOTSUPP:
      if (traits.type == map_type::inode_storage) {
        text.add("an inode_storage needs \"bpf\" among the active LSMs (lsm=)");
      }
      return;
    case E2BIG:
      text.add("key, value or max_entries are larger than the kernel allows");
      return;
    case ENOMEM:
      text.add("the kernel (or the cgroup) has not the memory for it");
      return;
    default:
      return;
  }
}
inline std::string creation_hint(map_expectation const& wanted, create_options const& options, int number,
                                 privileges const& own = privileges::of_this_thread()) {
  sentence text;
  explain_creation(text, wanted, options, number, own);
  return std::string(text.view());
}

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
