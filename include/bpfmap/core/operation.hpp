// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_OPERATION_HPP
#define BPFMAP_CORE_OPERATION_HPP

// The functions that can fail, by name, and what each asks of a map's descriptor. Errors are made of it: what an
// errno means depends on what was being done, and that stands here and nowhere else.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <bpfmap/core/version.hpp>

namespace bpfmap::inline BPFMAP_ABI {

/// A function of bpfmap, as an error names it.
enum class operation : std::uint8_t {
  // Getting a map, and what every map can do.
  create,
  bind,
  from_fd,
  from_id,
  open_pinned,
  clone,
  pin,
  unpin,
  freeze,
  memory_usage,
  // Elements.
  find,
  at,
  contains,
  insert,
  assign,
  insert_or_assign,
  erase,
  extract,
  push,
  pop,
  peek,
  might_contain,
  // All elements.
  entries,
  keys,
  values,
  for_each,
  count_if,
  sum,
  sum_if,
  top,
  totals,
  reduce_all,
  size,
  empty,
  drain,
  extract_all,
  clear,
  // Memory.
  span,
  allocate_pages,
  // struct_ops.
  status,
  attach,
  update,
  // Streams.
  open,
  consume,
  poll,
  resync,
  // Objects.
  load,
  program,
  map,
  global,
  autoload_only,
  leave_out_unsupported,
  set_autoload,
  set_autocreate,
  set_max_entries,
  run,
  fit_to_machine,
  // Keys.
  parse,
  lpm_key,
};

/// What a map's descriptor allows: F_GETFL of fcntl(2) tells. The kernel keeps to it in every command on elements.
enum class access : std::uint8_t {
  read_write,
  read_only,   ///< BPF_F_RDONLY: writing is refused with EPERM
  write_only,  ///< BPF_F_WRONLY: reading is refused with EPERM
};

namespace detail {

/// What an operation does with the elements of a map, through its descriptor.
struct operation_traits {
  operation what;
  std::string_view name;
  bool reads = false;   // the descriptor must not be write-only
  bool writes = false;  // it must not be read-only, nor the map frozen
  bool stores = false;  // a value comes with it, which the kernel may refuse
};

// clang-format off
inline constexpr operation_traits operation_table[] = {
    {.what = operation::create, .name = "create"},
    {.what = operation::bind, .name = "bind"},
    {.what = operation::from_fd, .name = "from_fd"},
    {.what = operation::from_id, .name = "from_id"},
    {.what = operation::open_pinned, .name = "open_pinned"},
    {.what = operation::clone, .name = "clone"},
    {.what = operation::pin, .name = "pin"},
    {.what = operation::unpin, .name = "unpin"},
    {.what = operation::freeze, .name = "freeze", .writes = true},
    {.what = operation::memory_usage, .name = "memory_usage"},
    {.what = operation::find, .name = "find", .reads = true},
    {.what = operation::at, .name = "at", .reads = true},
    {.what = operation::contains, .name = "contains", .reads = true},
    {.what = operation::insert, .name = "insert", .writes = true, .stores = true},
    {.what = operation::assign, .name = "assign", .writes = true, .stores = true},
    {.what = operation::insert_or_assign, .name = "insert_or_assign", .writes = true, .stores = true},
    {.what = operation::erase, .name = "erase", .writes = true},
    {.what = operation::extract, .name = "extract", .reads = true, .writes = true},
    {.what = operation::push, .name = "push", .writes = true, .stores = true},
    {.what = operation::pop, .name = "pop", .reads = true, .writes = true},
    {.what = operation::peek, .name = "peek", .reads = true},
    {.what = operation::might_contain, .name = "might_contain", .reads = true},
    {.what = operation::entries, .name = "entries", .reads = true},
    {.what = operation::keys, .name = "keys", .reads = true},
    {.what = operation::values, .name = "values", .reads = true},
    {.what = operation::for_each, .name = "for_each", .reads = true},
    {.what = operation::count_if, .name = "count_if", .reads = true},
    {.what = operation::sum, .name = "sum", .reads = true},
    {.what = operation::sum_if, .name = "sum_if", .reads = true},
    {.what = operation::top, .name = "top", .reads = true},
    {.what = operation::totals, .name = "totals", .reads = true},
    {.what = operation::reduce_all, .name = "reduce_all", .reads = true},
    {.what = operation::size, .name = "size", .reads = true},
    {.what = operation::empty, .name = "empty", .reads = true},
    {.what = operation::drain, .name = "drain", .reads = true, .writes = true},
    {.what = operation::extract_all, .name = "extract_all", .reads = true, .writes = true},
    {.what = operation::clear, .name = "clear", .reads = true, .writes = true},
    {.what = operation::span, .name = "span", .reads = true},
    {.what = operation::allocate_pages, .name = "allocate_pages", .reads = true, .writes = true},
    {.what = operation::status, .name = "status", .reads = true},
    {.what = operation::attach, .name = "attach"},
    {.what = operation::update, .name = "update"},
    {.what = operation::open, .name = "open"},
    {.what = operation::consume, .name = "consume"},
    {.what = operation::poll, .name = "poll"},
    {.what = operation::resync, .name = "resync", .writes = true},
    {.what = operation::load, .name = "load"},
    {.what = operation::program, .name = "program"},
    {.what = operation::map, .name = "map"},
    {.what = operation::global, .name = "global"},
    {.what = operation::autoload_only, .name = "autoload_only"},
    {.what = operation::leave_out_unsupported, .name = "leave_out_unsupported"},
    {.what = operation::set_autoload, .name = "set_autoload"},
    {.what = operation::set_autocreate, .name = "set_autocreate"},
    {.what = operation::set_max_entries, .name = "set_max_entries"},
    {.what = operation::run, .name = "run"},
    {.what = operation::fit_to_machine, .name = "fit_to_machine"},
    {.what = operation::parse, .name = "parse"},
    {.what = operation::lpm_key, .name = "lpm_key"},
};
// clang-format on

consteval bool operations_are_in_order() {
  for (std::size_t i = 0; i < std::size(operation_table); ++i) {
    if (static_cast<std::size_t>(operation_table[i].what) != i) return false;
  }
  return true;
}
static_assert(operations_are_in_order(), "each operation is at the place that its number tells");

constexpr operation_traits const& row_of(operation what) noexcept {
  return operation_table[static_cast<std::size_t>(what)];
}

}  // namespace detail

/// The function's name, as users write it.
constexpr std::string_view to_string(operation what) noexcept { return detail::row_of(what).name; }

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
