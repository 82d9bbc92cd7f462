// SPDX-License-Identifier: MIT
#ifndef BPFMAP_MAPS_OF_MAPS_HPP
#define BPFMAP_MAPS_OF_MAPS_HPP

// Maps of maps: array_of_maps and hash_of_maps.

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <bpfmap/core/concepts.hpp>
#include <bpfmap/engine/keyed_map.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// What a map of maps can hold.
template <class Inner>
concept inner_map = because<map_class<Inner>, "the inner maps' class is one of bpfmap's, such as bpfmap::hash"> &&
                    because<traits_of(Inner::type).value != value_kind::map,
                            "a map of maps cannot hold maps of maps: the kernel nests them once"> &&
                    because<traits_of(Inner::type).inner, "the kernel does not take maps of this type as inner maps">;

/// Where an inner map differs from one that fits, as text that lists everything; empty if it fits too.
/// kernel/bpf/map_in_map.c, bpf_map_meta_equal; arrays and xskmaps add max_entries.
inline std::string template_differences(map_info const& fits, map_info const& info) {
  std::string list = differences({fits.type, fits.key_size, fits.value_size, 0}, info);
  if (info.flags != fits.flags) {
    append_difference(list, "flags", flag_names(info.flags), flag_names(fits.flags));
  }
  bool const sized =
      fits.type == map_type::xskmap || (fits.type == map_type::array && (fits.flags & map_flags::inner_map) == 0);
  if (sized && info.max_entries != fits.max_entries) {
    append_difference(list, "max_entries", std::to_string(info.max_entries), std::to_string(fits.max_entries));
  }
  return list;
}

/// Maps by keys. The kernel takes an inner map's descriptor and gives its id: those are the elements of the base.
template <class Derived, map_type Type, class Key, inner_map Inner>
class of_maps : public keyed_map<Derived, Type, Key, plain_values<std::uint32_t>> {
  using base = keyed_map<Derived, Type, Key, plain_values<std::uint32_t>>;

 public:
  using key_type = Key;
  /// What a lookup gives: an object that owns a descriptor of the inner map.
  using mapped_type = Inner;
  using size_type = std::uint64_t;

  /// Creates a new map for inner maps as `Inner::create(inner)` makes them: one is created meanwhile, because the
  /// kernel wants to see it. Those to come must equal it in type, sizes and flags, and arrays in max_entries too
  /// (unless map_flags::inner_map, Linux 5.10, is among the flags of all of them).
  /// @errors as of typed_map::create(), for either map
  /// @cost as of creating both
  static Derived create(create_options const& outer, create_options const& inner, std::error_code& ec) noexcept {
    Inner const like = Inner::create(inner, ec);
    return ec ? Derived{} : create(outer, like, ec);
  }
  static Derived create(create_options const& outer, create_options const& inner)
    requires throwing<>
  {
    return create(outer, Inner::create(inner));
  }
  /// Creates a new map for inner maps like this one, which is not put in and not needed afterwards.
  /// @errors as of typed_map::create(); EBADF `like` is an empty object
  static Derived create(create_options outer, Inner const& like, std::error_code& ec) noexcept {
    if (!like) {
      ec = make_error(EBADF);
      return {};
    }
    outer.inner_map_fd = static_cast<std::uint32_t>(like.fd());
    Derived made = base::create(outer, ec);
    made.like_ = like.info();
    return made;
  }
  static Derived create(create_options outer, Inner const& like)
    requires throwing<>
  {
    if (!like) raise(make_error(EBADF), operation::create, "an empty inner map", outer.name.c_str(), {});
    outer.inner_map_fd = static_cast<std::uint32_t>(like.fd());
    Derived made = base::create(outer);
    made.like_ = like.info();
    return made;
  }
  static Derived create(create_options const&)
    requires because<sizeof(Inner) == 0,
                     "a map of maps is created for inner maps of one shape: say create(outer, inner), with "
                     "options for both or an inner map to copy the shape of">;

  /// The map of `key`, opened; nothing if there is none. BPF_MAP_LOOKUP_ELEM and BPF_MAP_GET_FD_BY_ID (Linux 4.13):
  /// the kernel gives an id only, and to open it needs CAP_SYS_ADMIN. Where that is missing, find_id() still works.
  /// @errors EPERM no CAP_SYS_ADMIN, or the descriptor is write-only; EINVAL the map is not what `Inner` is (the error
  ///         lists every difference); EMFILE; EAGAIN it was replaced again and again meanwhile
  /// @cost three system calls
  [[nodiscard]] std::optional<Inner> find(key_type const& key, std::error_code& ec) const noexcept {
    std::uint32_t id = 0;
    return open_inner(key, id, ec);
  }
  [[nodiscard]] std::optional<Inner> find(key_type const& key) const
    requires throwing<>
  {
    return opened(key, operation::find);
  }
  /// The map of `key`, opened.
  /// @throws std::out_of_range if there is none; with an error code, ENOENT and an empty object
  /// @errors, @cost as find()
  [[nodiscard]] Inner at(key_type const& key, std::error_code& ec) const noexcept {
    std::optional<Inner> found = find(key, ec);
    if (!found && !ec) ec = make_error(ENOENT);
    return found ? *std::move(found) : Inner{};
  }
  [[nodiscard]] Inner at(key_type const& key) const
    requires throwing<>
  {
    std::optional<Inner> found = opened(key, operation::at);
    if (!found) this->raise_absent();
    return *std::move(found);
  }
  /// The kernel's id of the map of `key`. BPF_MAP_LOOKUP_ELEM.
  /// @errors, @cost as keyed_map::find(); no capability needed
  [[nodiscard]] std::optional<std::uint32_t> find_id(key_type const& key, std::error_code& ec) const noexcept {
    return base::find(key, ec);
  }
  [[nodiscard]] std::optional<std::uint32_t> find_id(key_type const& key) const
    requires throwing<>
  {
    return base::find(key);
  }

  /// Makes `inner` the map of `key` unless it has one. BPF_MAP_UPDATE_ELEM with BPF_NOEXIST.
  /// @return true: added; false: there was one, which is as it was
  /// @errors as insert_or_assign()
  bool insert(key_type const& key, Inner const& inner, std::error_code& ec) const noexcept
    requires insertable<Type>
  {
    return base::insert(key, descriptor(inner), ec);
  }
  bool insert(key_type const& key, Inner const& inner) const
    requires insertable<Type> && throwing<>
  {
    std::error_code ec;
    bool const added = insert(key, inner, ec);
    if (ec) refuse(operation::insert, inner, ec);
    return added;
  }
  /// Replaces the map of `key` if it has one. BPF_MAP_UPDATE_ELEM with BPF_EXIST.
  /// @return true: replaced; false: there was none
  /// @errors as insert_or_assign()
  bool assign(key_type const& key, Inner const& inner, std::error_code& ec) const noexcept
    requires replaceable<Type>
  {
    return base::assign(key, descriptor(inner), ec);
  }
  bool assign(key_type const& key, Inner const& inner) const
    requires replaceable<Type> && throwing<>
  {
    std::error_code ec;
    bool const replaced = assign(key, inner, ec);
    if (ec) refuse(operation::assign, inner, ec);
    return replaced;
  }
  /// Makes `inner` the map of `key`. BPF_MAP_UPDATE_ELEM. Keeps it alive as long as it is there; the object may go.
  /// @errors E2BIG the map is full, or the index out of range; EINVAL `inner` has another shape than this map was
  ///         created for (the error lists every difference); EBADF it is empty; EPERM frozen or read-only
  /// @cost one system call of some milliseconds: the kernel waits until no program uses the old map (an RCU grace
  ///       period). For many at once, see below
  void insert_or_assign(key_type const& key, Inner const& inner, std::error_code& ec) const noexcept {
    base::insert_or_assign(key, descriptor(inner), ec);
  }
  void insert_or_assign(key_type const& key, Inner const& inner) const
    requires throwing<>
  {
    std::error_code ec;
    insert_or_assign(key, inner, ec);
    if (ec) refuse(operation::insert_or_assign, inner, ec);
  }
  /// The same for many keys, in order. BPF_MAP_UPDATE_BATCH, Linux 5.19, with one grace period for all since 6.8; one
  /// at a time where the kernel is older.
  /// @return how many were done: all, or those before the one that failed
  /// @errors as above; EINVAL also: not as many maps as keys; ENOMEM
  /// @cost one system call, one allocation
  /// @code
  /// std::vector<std::uint32_t> keys{1, 2};
  /// std::vector<table> tables = …;
  /// routing.insert_or_assign(keys, tables);
  /// @endcode
  size_type insert_or_assign(std::span<key_type const> keys, std::span<Inner const> inners,
                             std::error_code& ec) const noexcept {
    if (keys.size() != inners.size() || keys.size() > std::numeric_limits<std::uint32_t>::max()) {
      ec = make_error(EINVAL);
      return 0;
    }
    ec.clear();
    if (keys.empty()) return 0;
    buffer const fds = buffer::allocate(keys.size() * sizeof(std::uint32_t));
    if (fds.data() == nullptr) {
      ec = make_error(ENOMEM);
      return 0;
    }
    std::transform(inners.begin(), inners.end(), object_at<std::uint32_t>(fds.data()), descriptor);
    auto done = static_cast<std::uint32_t>(keys.size());
    int const result = sys::map_update_batch(this->fd(), keys.data(), fds.data(), done);
    if (result == 0) return done;
    if (!batch_refused(result, done, keys.size())) {
      ec = make_error(result);
      return done == keys.size() ? 0 : done;
    }
    for (done = 0; done < keys.size(); ++done) {
      insert_or_assign(keys[done], inners[done], ec);
      if (ec) break;
    }
    return done;
  }
  size_type insert_or_assign(std::span<key_type const> keys, std::span<Inner const> inners) const
    requires throwing<>
  {
    std::error_code ec;
    size_type const done = insert_or_assign(keys, inners, ec);
    if (keys.size() != inners.size()) {
      this->fail(operation::insert_or_assign, ec, join(keys.size(), " keys and ", inners.size(), " maps"));
    }
    if (ec) refuse(operation::insert_or_assign, inners[done], ec);
    return done;
  }

  using base::erase;
  /// Removes many keys. BPF_MAP_DELETE_BATCH, Linux 5.19, with one grace period for all since 6.8; one at a time where
  /// the kernel is older, and always of an array_of_maps, for which it has no such command.
  /// @return how many were there
  /// @errors as erase()
  /// @cost one system call, and one more for each key that was not there
  size_type erase(std::span<key_type const> keys, std::error_code& ec) const noexcept {
    size_type erased = 0;
    ec.clear();
    while (!keys.empty()) {
      auto done = static_cast<std::uint32_t>(std::min<std::size_t>(keys.size(), 1U << 20));
      auto const asked = done;
      int const result =
          this->traits.commands.delete_batch ? sys::map_delete_batch(this->fd(), keys.data(), done) : -enotsupp;
      if (result != 0 && batch_refused(result, done, asked)) {
        for (key_type const& key : keys) {
          erased += erase(key, ec) ? 1U : 0U;
          if (ec) return erased;
        }
        return erased;
      }
      if (result == 0 && done == 0) {
        ec = make_error(EIO);
        return erased;
      }
      bool const missing = result == -ENOENT && done < asked;
      if (result == 0 || done < asked) erased += done;
      if (result != 0 && !missing) {
        ec = make_error(result);
        return erased;
      }
      keys = keys.subspan(done + (missing ? 1U : 0U));
    }
    return erased;
  }
  size_type erase(std::span<key_type const> keys) const
    requires throwing<>
  {
    std::error_code ec;
    size_type const erased = erase(keys, ec);
    if (ec) this->fail(operation::erase, -ec.value());
    return erased;
  }

 private:
  static std::uint32_t descriptor(Inner const& inner) noexcept { return static_cast<std::uint32_t>(inner.fd()); }

  // No such command for this type: the kernel did not look at the keys. Of what fails later, `done` are done.
  static bool batch_refused(int result, std::uint32_t done, std::size_t asked) noexcept {
    return (result == -enotsupp || result == -EOPNOTSUPP || result == -EINVAL) && done == asked;
  }

  // `id` is that of a map that could not be opened.
  std::optional<Inner> open_inner(key_type const& key, std::uint32_t& id, std::error_code& ec) const noexcept {
    for (int tries = 0; tries < 16; ++tries) {
      std::optional<std::uint32_t> const found = base::find(key, ec);
      if (!found) return std::nullopt;
      id = *found;
      Inner inner = Inner::from_id(id, ec);
      if (!ec) return inner;
      if (ec.value() != ENOENT) return std::nullopt;
      // It was replaced or removed between the two calls, and is gone: look again.
    }
    ec = make_error(EAGAIN);
    return std::nullopt;
  }

  std::optional<Inner> opened(key_type const& key, operation what) const {
    std::error_code ec;
    std::uint32_t id = 0;
    std::optional<Inner> inner = open_inner(key, id, ec);
    if (!ec) return inner;
    if (id == 0) this->fail(what, -ec.value());
    std::string why;
    if (ec.value() == EPERM) why = "opening an inner map by its id needs CAP_SYS_ADMIN; find_id() does not";
    if (ec.value() == EINVAL) {
      std::error_code unread;
      map_handle const other = map_handle::from_fd(unique_fd(sys::map_fd_by_id(id)), unread);
      why = join("the inner map ", other.description(), " does not fit: ", Inner::differences(other.info()));
    }
    this->fail(what, ec, std::move(why));
  }

  [[noreturn, gnu::cold, gnu::noinline]] void refuse(operation what, Inner const& inner, std::error_code ec) const {
    if (!inner) this->fail(what, ec, "the inner map is an empty object");
    if (ec.value() != EINVAL) this->fail(what, -ec.value());
    map_info const fitting = known_shape();
    if (fitting.id == 0) {
      this->fail(what, ec,
                 join("the inner map ", inner.description(),
                      " must have the type, sizes and flags (arrays: max_entries too) that this map was created for"));
    }
    this->fail(
        what, ec,
        join("the inner map ", inner.description(), " does not fit: ", template_differences(fitting, inner.info())));
  }

  // What inner maps must be like, of the one that this object was created for, or of one that is in the map. The
  // kernel does not tell what a map of maps was created for.
  map_info known_shape() const {
    if (like_.id != 0) return like_;
    std::error_code ec;
    for (std::uint32_t const id : base::values(ec)) {
      map_handle const other = map_handle::from_fd(unique_fd(sys::map_fd_by_id(id)), ec);
      if (other) return other.info();
    }
    return {};
  }

  map_info like_{};
};

}  // namespace detail

/// BPF_MAP_TYPE_ARRAY_OF_MAPS, Linux 4.12: a map, or none, at each index below max_entries.
///
/// Walking gives pairs of an index and the map's id, of the indices that have one.
/// @code
/// using table = bpfmap::hash<std::uint32_t, std::uint64_t>;
/// auto tables = bpfmap::array_of_maps<table>::create({.name = "tables", .max_entries = 4}, {.max_entries = 1024});
/// tables.insert_or_assign(0, table::create({.max_entries = 1024}));
/// tables.at(0).insert(7, 1);
/// @endcode
template <detail::inner_map Inner>
class array_of_maps : public detail::of_maps<array_of_maps<Inner>, map_type::array_of_maps, std::uint32_t, Inner> {
  friend typename array_of_maps::typed_map;
};

/// BPF_MAP_TYPE_HASH_OF_MAPS, Linux 4.12: maps by keys. Walking gives pairs of a key and the map's id.
template <hash_key Key, detail::inner_map Inner>
class hash_of_maps : public detail::of_maps<hash_of_maps<Key, Inner>, map_type::hash_of_maps, Key, Inner> {
  friend typename hash_of_maps::typed_map;
};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
