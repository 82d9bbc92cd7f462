// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_CPU_HPP
#define BPFMAP_CORE_CPU_HPP

// Which CPUs there are. Two sets matter: the kernel keeps a per-CPU slot for each *possible* CPU, packed in
// ascending order of ids, and a perf buffer can be opened for each *online* one. Ids may have holes.

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <bpfmap/core/error.hpp>
#include <bpfmap/core/made_once.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A CPU by its id, as an argument that cannot be taken for an index.
struct cpu {
  std::uint32_t id;
};

/// A set of CPU ids in ascending order, such as the kernel's "0-3,8-11".
class cpu_set {
 public:
  /// More than any kernel supports (NR_CPUS is at most 8192 today); a mask beyond it is an error.
  static constexpr std::uint32_t max_id = 65535;

  cpu_set() = default;

  /// Reads the kernel's list format.
  /// @param list  such as "0-3,8,10-11\n"; an empty list is the empty set
  /// @param ec    EINVAL: not such a list, or not in ascending order; ERANGE: an id above max_id; ENOMEM
  static cpu_set parse(std::string_view list, std::error_code& ec) noexcept {
    ec.clear();
    cpu_set set;
    while (!list.empty() && (list.back() == '\n' || list.back() == ' ')) list.remove_suffix(1);
    while (!list.empty() && !ec) {
      std::uint32_t first = 0;
      std::uint32_t last = 0;
      if (!take_number(list, first, ec)) break;
      last = first;
      if (!list.empty() && list.front() == '-') {
        list.remove_prefix(1);
        if (!take_number(list, last, ec)) break;
      }
      bool const more = !list.empty();
      if (last < first || (!set.empty() && first <= set.highest()) || (more && list.front() != ',')) {
        ec = make_error(EINVAL);
        break;
      }
      if (more) {
        list.remove_prefix(1);
        if (list.empty()) ec = make_error(EINVAL);
      }
      if (last > max_id) ec = make_error(ERANGE);
      for (std::uint32_t id = first; !ec && id <= last; ++id) set.append(id, ec);
    }
    if (ec) set.ids_.clear();
    return set;
  }

  /// Reads one of the kernel's files, "possible", "online" or "present", below `root`.
  /// @param root  the directory that sysfs calls /sys/devices/system/cpu; tests give another
  /// @param ec    the errno of opening or reading, or parse()'s; ENODATA: the file names no CPU
  /// @cost three system calls
  static cpu_set read(char const* root, char const* name, std::error_code& ec) noexcept {
    char path[4096];
    int const length = std::snprintf(path, sizeof path, "%s/%s", root, name);
    if (length < 0 || static_cast<std::size_t>(length) >= sizeof path) {
      ec = make_error(ENAMETOOLONG);
      return {};
    }
    std::FILE* const file = std::fopen(path, "re");
    if (file == nullptr) {
      ec = make_error(errno);
      return {};
    }
    // sysfs gives a page at the most; a text that fills the buffer could be cut, and is refused.
    char text[32768];
    std::size_t const got = std::fread(text, 1, sizeof text, file);
    int const failed = std::ferror(file) != 0 ? errno : 0;
    std::fclose(file);
    if (failed != 0 || got == sizeof text) {
      ec = make_error(failed != 0 ? failed : EOVERFLOW);
      return {};
    }
    cpu_set set = parse({text, got}, ec);
    if (!ec && set.empty()) ec = make_error(ENODATA);
    return set;
  }

  [[nodiscard]] bool empty() const noexcept { return ids_.empty(); }
  /// How many CPUs; for the possible set, how many slots a per-CPU value has.
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  /// The id of the `rank`-th CPU, counted from 0.
  [[nodiscard]] std::uint32_t operator[](std::size_t rank) const noexcept { return ids_[rank]; }
  /// The highest id; the set must not be empty.
  [[nodiscard]] std::uint32_t highest() const noexcept { return ids_.back(); }
  [[nodiscard]] bool contains(std::uint32_t id) const noexcept { return rank_of(id) < size(); }
  /// The place of `id` in the set, or size() if it is not in it.
  [[nodiscard]] std::size_t rank_of(std::uint32_t id) const noexcept {
    auto const found = std::lower_bound(ids_.begin(), ids_.end(), id);
    return found != ids_.end() && *found == id ? static_cast<std::size_t>(found - ids_.begin()) : size();
  }
  [[nodiscard]] auto begin() const noexcept { return ids_.begin(); }
  [[nodiscard]] auto end() const noexcept { return ids_.end(); }

  /// The CPUs of this set with ids from `first` on.
  /// @errors ENOMEM
  [[nodiscard]] cpu_set from(std::uint32_t first, std::error_code& ec) const noexcept {
    ec.clear();
    cpu_set rest;
    for (std::uint32_t const id : ids_) {
      if (id >= first && !ec) rest.append(id, ec);
    }
    return rest;
  }

  /// The kernel's list format: "0-3,8".
  [[nodiscard]] std::string to_string() const {
    std::string list;
    for (std::size_t i = 0; i < size();) {
      std::size_t last = i;
      while (last + 1 < size() && ids_[last + 1] == ids_[last] + 1) ++last;
      if (!list.empty()) list += ',';
      list += std::to_string(ids_[i]);
      if (last > i) list.append("-").append(std::to_string(ids_[last]));
      i = last + 1;
    }
    return list;
  }

  friend bool operator==(cpu_set const&, cpu_set const&) = default;

 private:
  static bool take_number(std::string_view& list, std::uint32_t& number, std::error_code& ec) noexcept {
    auto const [end, failed] = std::from_chars(list.data(), list.data() + list.size(), number);
    if (failed != std::errc{}) {
      ec = make_error(failed == std::errc::result_out_of_range ? ERANGE : EINVAL);
      return false;
    }
    list.remove_prefix(static_cast<std::size_t>(end - list.data()));
    return true;
  }

  void append(std::uint32_t id, std::error_code& ec) noexcept {
    if (ids_.size() == ids_.capacity()) grow(std::max<std::size_t>(16, ids_.capacity() * 2), ec);
    if (!ec) ids_.push_back(id);
  }

  // std::vector reports lack of memory by an exception only.
  void grow(std::size_t capacity, std::error_code& ec) noexcept {
#if BPFMAP_EXCEPTIONS
    try {
      ids_.reserve(capacity);
    } catch (...) {
      ec = make_error(ENOMEM);
    }
#else
    static_cast<void>(ec);
    ids_.reserve(capacity);
#endif
  }

  std::vector<std::uint32_t> ids_;
};

/// The CPUs of a machine.
struct cpu_topology {
  /// Every CPU that may ever come up; fixed at boot.
  cpu_set possible;
  /// The CPUs that run now; changes with hotplug.
  cpu_set online;

  static constexpr char const* sysfs = "/sys/devices/system/cpu";

  /// Reads both sets below `root`.
  /// @errors ENOENT no sysfs there; EINVAL, ERANGE, ENODATA not the kernel's format
  static cpu_topology read(char const* root, std::error_code& ec) noexcept {
    cpu_topology cpus;
    cpus.possible = cpu_set::read(root, "possible", ec);
    if (!ec) cpus.online = cpu_set::read(root, "online", ec);
    return cpus;
  }
};

namespace detail {

inline constinit made_once<cpu_set> the_possible_cpus;
inline cpu_set const no_cpus;

}  // namespace detail

/// The possible CPUs of this machine: the kernel keeps one slot of a per-CPU value for each.
/// @return valid for the life of the process; the empty set with an error
/// @errors ENOENT sysfs is not mounted at /sys: per-CPU maps cannot be read safely without it. EMFILE, ENFILE, ENOMEM:
///         the next call tries again
/// @cost read from sysfs once a process (they are fixed at boot), then nothing
inline cpu_set const& possible_cpus(std::error_code& ec) noexcept {
  cpu_set const* const found = detail::the_possible_cpus.get(
      [](cpu_set& cpus, std::error_code& why) noexcept { cpus = cpu_set::read(cpu_topology::sysfs, "possible", why); },
      ec);
  return found != nullptr ? *found : detail::no_cpus;
}

/// The CPUs that are online now.
/// @cost three system calls: never cached, CPUs come and go
inline cpu_set online_cpus(std::error_code& ec) noexcept { return cpu_set::read(cpu_topology::sysfs, "online", ec); }

namespace detail {

// The T whose bytes lie there. By way of void: where bytes come from, the kernel or new, they are aligned for T.
template <class T>
T* object_at(std::byte* at) noexcept {
  return static_cast<T*>(static_cast<void*>(at));
}
template <class T>
T const* object_at(std::byte const* at) noexcept {
  return static_cast<T const*>(static_cast<void const*>(at));
}

// Between types that are one on some machines and two on others: there a cast is needed, here compilers warn of it.
template <class To, class From>
constexpr To number_cast(From value) noexcept {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else
    return static_cast<To>(value);
}

constexpr std::size_t round_up(std::size_t bytes, std::size_t multiple) noexcept {
  return (bytes + multiple - 1) / multiple * multiple;
}

/// The kernel's distance between the slots of two CPUs, and between the elements of an array.
template <class Slot>
inline constexpr std::size_t slot_stride = round_up(sizeof(Slot), 8);

}  // namespace detail

/// The slots of one per-CPU value, in the order of possible CPUs; does not own them.
///
/// Slot `i` belongs to the i-th *possible* CPU, whose id is `cpu_of(i)`; offline CPUs have slots too.
template <class Slot>
class per_cpu_view {
  using byte_type = std::conditional_t<std::is_const_v<Slot>, std::byte const, std::byte>;

 public:
  per_cpu_view(byte_type* slots, cpu_set const& cpus) noexcept
      : per_cpu_view(slots, cpus, detail::slot_stride<std::remove_const_t<Slot>>) {}
  /// Of slots that begin `stride` bytes apart: a member of larger ones.
  per_cpu_view(byte_type* slots, cpu_set const& cpus, std::size_t stride) noexcept
      : slots_(slots), cpus_(&cpus), stride_(stride) {}

  /// A view for writing is a view for reading.
  operator per_cpu_view<Slot const>() const noexcept
    requires(!std::is_const_v<Slot>)
  {
    return {slots_, *cpus_, stride_};
  }

  /// How many possible CPUs there are.
  [[nodiscard]] std::size_t size() const noexcept { return cpus_->size(); }
  /// The slot of the `rank`-th possible CPU.
  [[nodiscard]] Slot& operator[](std::size_t rank) const noexcept {
    return *detail::object_at<Slot>(slots_ + rank * stride_);
  }
  /// The id of the CPU that the `rank`-th slot belongs to.
  [[nodiscard]] std::uint32_t cpu_of(std::size_t rank) const noexcept { return (*cpus_)[rank]; }
  [[nodiscard]] cpu_set const& cpus() const noexcept { return *cpus_; }

  class iterator {
   public:
    using value_type = std::remove_const_t<Slot>;
    using difference_type = std::ptrdiff_t;
    using reference = Slot&;
    using pointer = Slot*;
    using iterator_category = std::forward_iterator_tag;

    iterator() = default;
    iterator(byte_type* at, std::size_t stride) noexcept : at_(at), stride_(stride) {}

    reference operator*() const noexcept { return *detail::object_at<Slot>(at_); }
    iterator& operator++() noexcept {
      at_ += stride_;
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator const old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(iterator const&, iterator const&) = default;

   private:
    byte_type* at_ = nullptr;
    std::size_t stride_ = 0;
  };

  [[nodiscard]] iterator begin() const noexcept { return {slots_, stride_}; }
  [[nodiscard]] iterator end() const noexcept { return {slots_ + size() * stride_, stride_}; }

  /// The same member of all slots, seen as a `Seen`, which has its bytes.
  template <class Seen, class Member, class Owner>
    requires(sizeof(Seen) == sizeof(Member) && std::is_same_v<Owner, std::remove_const_t<Slot>>)
  [[nodiscard]] auto member(Member Owner::*which) const noexcept {
    auto* const at = reinterpret_cast<byte_type*>(std::addressof(reinterpret_cast<Slot*>(slots_)->*which));
    return per_cpu_view<std::conditional_t<std::is_const_v<Slot>, Seen const, Seen>>(at, *cpus_, stride_);
  }

 private:
  byte_type* slots_;
  cpu_set const* cpus_;
  std::size_t stride_;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
