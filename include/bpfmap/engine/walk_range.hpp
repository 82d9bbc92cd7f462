// SPDX-License-Identifier: MIT
#ifndef BPFMAP_ENGINE_WALK_RANGE_HPP
#define BPFMAP_ENGINE_WALK_RANGE_HPP

// The ranges that users loop over: entries(), keys() and values() of a map.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <ranges>
#include <system_error>
#include <utility>

#include <bpfmap/core/error.hpp>
#include <bpfmap/engine/walk.hpp>

namespace bpfmap::inline BPFMAP_ABI {

namespace detail {

/// What a range shows of each element.
enum class part : std::uint8_t { entry, key, value };

/// An input range over a map: each begin() is a new walk. Refers to the map, which must outlive it.
///
/// With an error code, a failed walk ends early and sets it; without, advancing throws. The map makes the `Walker`.
template <class Map, part Shown, class Walker = block_walker>
class walk_range : public std::ranges::view_base {
 public:
  walk_range(Map const& map, std::error_code* ec, walk how = walk::batch) noexcept : map_(&map), ec_(ec), how_(how) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type =
        std::conditional_t<Shown == part::entry, typename Map::value_type,
                           std::conditional_t<Shown == part::key, typename Map::key_type, typename Map::mapped_type>>;

    iterator(Map const& map, std::error_code* ec, walk how)
        : map_(&map), ec_(ec), walk_(new(std::nothrow) Walker(map.template walker<Walker>(Shown, how))) {
      if (ec_ != nullptr) ec_->clear();
      if (walk_ != nullptr) {
        next_block();
      } else {
        report(make_error(ENOMEM));
      }
    }

    [[nodiscard]] value_type operator*() const {
      if constexpr (Shown == part::entry)
        return value_type(map_->key_at(*walk_, at_), map_->value_at(*walk_, at_));
      else if constexpr (Shown == part::key)
        return map_->key_at(*walk_, at_);
      else
        return map_->value_at(*walk_, at_);
    }
    iterator& operator++() {
      if (++at_ == block_) next_block();
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] friend bool operator==(iterator const& it, std::default_sentinel_t) noexcept {
      return it.block_ == 0;
    }

   private:
    void next_block() {
      std::error_code ec;
      at_ = 0;
      block_ = walk_->next(ec);
      map_->noted(*walk_);
      if (block_ == 0) report(ec);
    }
    void report(std::error_code ec) {
      if (ec_ != nullptr)
        *ec_ = ec;
      else if (ec)
        map_->raise_walk(Shown == part::entry ? operation::entries
                         : Shown == part::key ? operation::keys
                                              : operation::values,
                         ec);
    }

    Map const* map_;
    std::error_code* ec_;
    std::unique_ptr<Walker> walk_;
    std::uint32_t block_ = 0;
    std::uint32_t at_ = 0;
  };

  [[nodiscard]] iterator begin() const { return iterator(*map_, ec_, how_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  Map const* map_;
  std::error_code* ec_;
  walk how_;
};

}  // namespace detail

}  // namespace bpfmap::inline BPFMAP_ABI

// Iterators refer to the map, not to the range that made them.
template <class Map, bpfmap::detail::part Shown, class Walker>
inline constexpr bool std::ranges::enable_borrowed_range<bpfmap::detail::walk_range<Map, Shown, Walker>> = true;

#endif
