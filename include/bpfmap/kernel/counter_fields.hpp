// SPDX-License-Identifier: MIT
#ifndef BPFMAP_KERNEL_COUNTER_FIELDS_HPP
#define BPFMAP_KERNEL_COUNTER_FIELDS_HPP

// The number of elements that the kernel keeps in the struct of a map, for types that the kfunc of programs.hpp
// does not count: a program reads it through the map's pointer. Where it lies, the kernel's BTF tells.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <bpfmap/core/made_once.hpp>
#include <bpfmap/core/map_type.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/instructions.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/kernel/vmlinux.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// A number in a kernel struct.
struct counter_field {
  std::string_view structure;
  std::string_view name;
  std::size_t bytes;  // 4 or 8
};

/// Where one type's count comes from: the number itself, or the difference of two places in a ring.
struct counter_source {
  map_type type;
  counter_field first;
  counter_field second{};  // no name: `first` is the count
};

// kernel/bpf/lpm_trie.c, net/core/sock_map.c, kernel/bpf/devmap.c, include/net/xdp_sock.h (the count is of 6.4),
// kernel/bpf/queue_stack_maps.c. devmap's `items` is no count: writing interface 0 to an empty slot raises it.
inline constexpr counter_source counter_sources[] = {
    {map_type::lpm_trie, {"lpm_trie", "n_entries", sizeof(std::size_t)}},
    {map_type::sockhash, {"bpf_shtab", "count", 4}},
    {map_type::devmap_hash, {"bpf_dtab", "items", 4}},
    {map_type::xskmap, {"xsk_map", "count", 4}},
    {map_type::queue, {"bpf_queue_stack", "head", 4}, {"bpf_queue_stack", "tail", 4}},
    {map_type::stack, {"bpf_queue_stack", "head", 4}, {"bpf_queue_stack", "tail", 4}},
};

/// Where a source's fields lie; fixed at boot.
struct counter_place {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};

inline constinit std::array<made_once<counter_place>, std::size(counter_sources)> counter_places;

inline std::size_t counter_row(map_type type) noexcept {
  std::size_t row = 0;
  while (row < std::size(counter_sources) && counter_sources[row].type != type) ++row;
  return row;
}

/// Whether this process knows where the count of such maps lies, or that it lies nowhere, so that asking costs nothing.
inline bool counter_place_known(map_type type) noexcept {
  std::size_t const row = counter_row(type);
  return row < std::size(counter_sources) && (counter_places[row].exists() || counter_places[row].refusal() != 0);
}

/// Where the kernel keeps the count of such maps; null with an error.
/// @errors ENOENT it has none; those of btf_file
/// @cost a look through the kernel's BTF, 1 to 3 ms, once a process and type
inline counter_place const* place_of_counter(map_type type, std::error_code& ec) noexcept {
  std::size_t const row = counter_row(type);
  if (row == std::size(counter_sources)) {
    ec = make_error(ENOENT);
    return nullptr;
  }
  return counter_places[row].get(
      [row](counter_place& place, std::error_code& why) noexcept {
        counter_source const& source = counter_sources[row];
        btf_file const file(vmlinux_btf, why);
        if (why) return;
        auto const place_of = [&](counter_field const& field) {
          return field.name.empty() ? std::optional<std::uint32_t>{1}
                                    : file.view().offset_of(field.structure, field.name);
        };
        auto const first = place_of(source.first);
        auto const second = place_of(source.second);
        // struct bpf_map stands before every such field. An instruction's offset has 16 bits, one of them the sign.
        bool const usable = first && second && *first > 0 && *first < 0x8000 && *second > 0 && *second < 0x8000;
        if (usable)
          place = {*first, *second};
        else
          why = make_error(ENOENT);
      },
      ec);
}

/// Loads the program that reads the number of elements of one map from the kernel's struct. Needs CAP_BPF and
/// CAP_PERFMON to load, Linux 5.9; to run it, its descriptor is enough. A socket filter, because programs that may
/// sleep cannot use most of these types.
/// @errors ENOENT the kernel has no such field, or no BTF; EPERM no capabilities; or the verifier's (EACCES, EINVAL)
inline unique_fd load_field_program(int map_fd, map_type type, std::uint32_t max_entries,
                                    std::error_code& ec) noexcept {
  using bpf::reg;
  counter_place const* const place = place_of_counter(type, ec);
  if (place == nullptr) return {};
  counter_source const& source = counter_sources[counter_row(type)];
  auto const map = bpf::load_map(reg::r1, map_fd);
  unique_fd loaded;
  auto const load = [&](std::span<bpf::instruction const> code) {
    loaded.reset(
        sys::program_load(BPF_PROG_TYPE_SOCKET_FILTER, "bpfmap_count", "Dual MIT/GPL", code.data(), code.size(), 0));
    ec = loaded ? std::error_code{} : make_error(errno);
  };
  if (source.second.name.empty()) {
    bpf::instruction const code[] = {map[0], map[1], bpf::load(reg::r0, reg::r1, place->first, source.first.bytes),
                                     bpf::exit()};
    load(code);
  } else {
    // Head and tail cannot be read at once. If the tail stood still meanwhile, head - tail was the length when the
    // head was read; a ring in motion is asked again, up to four times, and then the answer is near the truth.
    auto const head = bpf::load(reg::r0, reg::r1, place->first, source.first.bytes);
    auto const tail = bpf::load(reg::r2, reg::r1, place->second, source.second.bytes);
    auto const tail_before = bpf::load(reg::r3, reg::r1, place->second, source.second.bytes);
    // A try a line.
    // clang-format off
    bpf::instruction const code[] = {
        map[0], map[1],
        tail_before, head, tail, bpf::skip_if(reg::r2, bpf::when::equal, reg::r3, 11),
        tail_before, head, tail, bpf::skip_if(reg::r2, bpf::when::equal, reg::r3, 7),
        tail_before, head, tail, bpf::skip_if(reg::r2, bpf::when::equal, reg::r3, 3),
        tail_before, head, tail,
        bpf::skip_if(reg::r0, bpf::when::at_least, reg::r2, 1),
        // The ring has one place more than elements, so that full and empty differ.
        bpf::compute(bpf::alu::add, reg::r0, static_cast<std::int32_t>(max_entries + 1)),
        bpf::compute(bpf::alu::subtract, reg::r0, reg::r2),
        bpf::exit(),
    };
    // clang-format on
    load(code);
  }
  return loaded;
}

/// Runs what load_field_program() gave.
/// @cost one system call, 2 µs
inline std::uint64_t run_field_program(int program_fd, std::error_code& ec) noexcept {
  std::byte packet[64]{};  // what it filters, as far as the kernel is concerned
  bpf_test_run_opts options{};
  options.data_in = packet;
  options.data_size_in = sizeof packet;
  int const failed = sys::own_program_run(program_fd, options);
  ec = failed < 0 ? make_error(failed) : std::error_code{};
  return failed < 0 ? 0 : options.retval;  // 32 bits, as max_entries
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
