// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_CAUSES_HPP
#define BPFMAP_OBJECTS_CAUSES_HPP

// Why an object was not opened or loaded: which map or program it is about and what is wrong with it, out of what
// libbpf and the verifier said and what the object and the kernel are.

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <sys/statfs.h>
#include <unistd.h>

#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/engine/map_info.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/privileges.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/objects/helpers.hpp>
#include <bpfmap/objects/libbpf_log.hpp>
#include <bpfmap/objects/libbpf_words.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// What was wrong, and with which map, program or variable. Empty: nobody knows.
struct cause {
  sentence text;
  short_name name;
};

inline map_info declared(::bpf_map const* map) noexcept {
  map_info info;
  info.type = static_cast<map_type>(::bpf_map__type(map));
  info.key_size = ::bpf_map__key_size(map);
  info.value_size = ::bpf_map__value_size(map);
  info.max_entries = ::bpf_map__max_entries(map);
  info.flags = ::bpf_map__map_flags(map);
  info.map_extra = ::bpf_map__map_extra(map);
  return info;
}

// The depth of stacks that the running kernel records at the most.
inline std::uint32_t max_stack_depth() noexcept {
  unsigned depth = 127;
  if (std::FILE* const file = std::fopen("/proc/sys/kernel/perf_event_max_stack", "re"); file != nullptr) {
    if (std::fscanf(file, "%u", &depth) != 1) depth = 127;
    std::fclose(file);
  }
  return depth;
}

// A map of maps for which none is declared; one that was set by number cannot be seen.
inline bool lacks_an_inner_map(::bpf_map const* map) noexcept {
  auto const type = static_cast<map_type>(::bpf_map__type(map));
  return (type == map_type::array_of_maps || type == map_type::hash_of_maps) && ::bpf_map__max_entries(map) != 0 &&
         ::bpf_map__inner_map(const_cast<::bpf_map*>(map)) == nullptr;
}

/// Why the kernel refused a map of this shape with `number`.
inline void add_map_refusal(sentence& text, map_info const& map, int number) noexcept {
  map_traits const& traits = traits_of(map.type);
  if (traits.type == map_type::unspec) {
    text.add("bpfmap does not know this type, nor perhaps the running kernel");
    return;
  }
  if (map.type == map_type::stack_trace && number == EINVAL) {
    std::uint32_t const frame = (map.flags & map_flags::stack_build_id) != 0 ? 32 : 8;
    if (std::uint32_t const most = max_stack_depth(); map.value_size / frame > most) {
      text.add("its stacks are ", map.value_size / frame, " frames deep, and kernel.perf_event_max_stack is ", most);
      return;
    }
  }
  create_options options;
  options.max_entries = map.max_entries;
  options.flags = map.flags & ~map_flags::numa_node;
  options.map_extra = map.map_extra;
  sentence why;
  explain_creation(why, {map.type, map.key_size, map.value_size, 0}, options, number, privileges::of_this_thread());
  if (why.empty()) add_message(why, number);
  text.add(why);
}

inline void add_map_shape(sentence& text, map_info const& map) noexcept {
  map_traits const& traits = traits_of(map.type);
  text.add(" (");
  if (traits.type == map_type::unspec)
    text.add("type number ", static_cast<std::uint32_t>(map.type));
  else
    text.add(traits.name);
  text.add(", key ", map.key_size, ", value ", map.value_size, ", max_entries ", map.max_entries, ")");
}

/// In what a map that is there differs from the one that is declared.
inline void add_pin_differences(sentence& text, map_info const& pinned, map_info const& wanted) noexcept {
  std::string_view separator = "";
  auto const differ = [&](std::string_view what, std::uint64_t is, std::uint64_t expected) {
    if (is != expected) {
      text.add(separator, what, " is ", is, ", and the object declares ", expected);
      separator = "; ";
    }
  };
  if (pinned.type != wanted.type) {
    auto const name = [&](map_type type) {
      map_traits const& traits = traits_of(type);
      traits.type == map_type::unspec ? text.add("type number ", static_cast<std::uint32_t>(type))
                                      : text.add(traits.name);
    };
    text.add("type is ");
    name(pinned.type);
    text.add(", and the object declares ");
    name(wanted.type);
    separator = "; ";
  }
  differ("key size", pinned.key_size, wanted.key_size);
  differ("value size", pinned.value_size, wanted.value_size);
  differ("max_entries", pinned.max_entries, wanted.max_entries);
  if (pinned.flags != wanted.flags) {
    text.add(separator, "flags is ");
    add_flag_names(text, pinned.flags);
    text.add(", and the object declares ");
    add_flag_names(text, wanted.flags);
    separator = "; ";
  }
  differ("map_extra", pinned.map_extra, wanted.map_extra);
}

// The map at `path` is of another shape than the object's map that is to be found there.
inline void explain_pin(cause& out, ::bpf_object* object, std::string_view path) noexcept {
  for (::bpf_map* map = ::bpf_object__next_map(object, nullptr); map != nullptr;
       map = ::bpf_object__next_map(object, map)) {
    char const* const own_path = ::bpf_map__pin_path(map);
    if (own_path == nullptr || path != own_path) continue;
    out.name.add(::bpf_map__name(map));
    out.text.add("map '", ::bpf_map__name(map), "' is pinned at ", path, " with another shape: ");
    sys::raw_map_info raw{};
    unique_fd const pinned(sys::object_get(own_path));
    if (pinned && sys::map_info(pinned.get(), raw) == 0) {
      map_info info;
      info.type = static_cast<map_type>(raw.type);
      info.key_size = raw.key_size;
      info.value_size = raw.value_size;
      info.max_entries = raw.max_entries;
      info.flags = raw.map_flags;
      info.map_extra = raw.map_extra;
      add_pin_differences(out.text, info, declared(map));
    }
    out.text.add(": remove the pin, or load what fits it");
    return;
  }
}

// Why nothing could be pinned at `path`.
inline void add_pin_refusal(sentence& text, std::string_view path, int number) noexcept {
  constexpr auto bpffs = 0xcafe4a11U;
  bounded_text<512> directory;
  directory.add(path.substr(0, path.rfind('/')));
  struct ::statfs there {};
  if (::statfs(directory.view().data(), &there) != 0)
    text.add("its directory cannot be made or reached");
  else if (static_cast<std::uint32_t>(there.f_type) != bpffs)
    text.add("no bpffs is mounted there (mount -t bpf bpf /sys/fs/bpf)");
  else
    add_message(text, number);
}

/// Why the kernel refused a program, by its log and errno.
inline void add_program_refusal(sentence& text, ::bpf_program const* program, std::string_view log,
                                int number) noexcept {
  if (std::string_view const line = verdict(log); !line.empty()) {
    text.add("the verifier says: ", line);
    return;
  }
  switch (number) {
    case EPERM:
      add_privilege_hint(text, "loading", privileges::of_this_thread(), true);
      return;
    case E2BIG:
      text.add("it has more instructions than the kernel takes, or was loaded with what an older kernel does not know");
      return;
    case EINVAL:
    case EOPNOTSUPP:
    case enotsupp:
    case ENOENT:
      if (program != nullptr && ::libbpf_probe_bpf_prog_type(::bpf_program__type(program), nullptr) == 0) {
        text.add("the running kernel has no programs of its type");
      } else {
        text.add(
            "the kernel does not take it, and does not say why: what its section asks for may need a newer or "
            "otherwise configured kernel");
      }
      break;
    default:
      add_message(text, number);
      break;
  }
  if (program != nullptr) text.add(" (section '", ::bpf_program__section_name(program), "')");
}

/// What an errno of open means where libbpf said nothing.
/// @param there  whether there is such a file
inline std::string_view open_hint(int number, bool there) noexcept {
  switch (number) {
    case ENOENT:
      return there ? "it holds nothing that libbpf knows" : "there is no such file";
    case EACCES:
      return "the file may not be read";
    case EINVAL:
      return "libbpf does not understand it";
    default:
      return number >= libbpf_first_error ? "it is not a BPF object file: compile with clang -target bpf -g" : "";
  }
}

/// Finds the cause in what libbpf said.
/// @param object  null: it was not opened
/// @param log     the verifier's
/// @param number  what libbpf answered
inline void find_cause(cause& out, ::bpf_object* object, std::string_view lines, std::string_view log,
                       int number) noexcept {
  libbpf_listener const quiet(libbpf_listener::kind::silences);
  using use = libbpf_pattern::use;
  short_name program;
  while (out.text.empty() && !lines.empty()) {
    std::string_view const line = next_line(lines);
    std::string_view captures[max_captures] = {};
    for (libbpf_pattern const& pattern : libbpf_patterns) {
      if (!matches(line, pattern.text, captures)) continue;
      // Names are null-terminated for libbpf.
      short_name name;
      name.add(captures[0]);
      ::bpf_map* const map = object == nullptr ? nullptr : ::bpf_object__find_map_by_name(object, name.view().data());
      if (pattern.then == use::name) {
        program.clear();
        program.add(captures[0]);
      } else if (pattern.then == use::says) {
        add_sentence(out.text, pattern.sentence, captures);
        out.name.add(first_quoted(pattern.sentence, captures));
      } else if (pattern.then == use::map_refused && map != nullptr) {
        out.name = name;
        out.text.add("map '", name, "'");
        add_map_shape(out.text, declared(map));
        out.text.add(" was refused: ");
        if (number == EINVAL && lacks_an_inner_map(map))
          out.text.add("it has no inner map: declare one, __array(values, ...), or bpf_map__set_inner_map_fd()");
        else
          add_map_refusal(out.text, declared(map), number);
      } else if (pattern.then == use::inner_refused && map != nullptr) {
        out.name = name;
        out.text.add("the inner map of '", name, "'");
        if (::bpf_map* const inner = ::bpf_map__inner_map(map); inner != nullptr) {
          add_map_shape(out.text, declared(inner));
          out.text.add(" was refused: ");
          add_map_refusal(out.text, declared(inner), number);
        } else {
          out.text.add(" was refused: ", captures[1]);
        }
      } else if (pattern.then == use::not_pinned) {
        out.name = name;
        out.text.add("map '", name, "' cannot be pinned at ", captures[1], ": ");
        add_pin_refusal(out.text, captures[1], number);
      } else if (pattern.then == use::pin_refused && object != nullptr) {
        explain_pin(out, object, captures[0]);
      } else if (pattern.then == use::probe_refused) {
        out.text.add("the kernel refuses every BPF program: ");
        if (number == EPERM)
          add_privilege_hint(out.text, "loading", privileges::of_this_thread(), true);
        else
          add_message(out.text, number);
      }
      break;
    }
  }
  if (!out.text.empty() || object == nullptr) return;
  ::bpf_program const* refused = nullptr;
  for (::bpf_program* each = ::bpf_object__next_program(object, nullptr); each != nullptr;
       each = ::bpf_object__next_program(object, each)) {
    if (!::bpf_program__autoload(each)) continue;
    if (program.view() == ::bpf_program__name(each)) refused = each;
    if (!program.empty() && refused != each) continue;
    if (kernel_helper const* const missing = missing_helper(each); missing != nullptr) {
      out.name.add(::bpf_program__name(each));
      add_missing_helper(out.text, ::bpf_program__name(each), *missing);
      return;
    }
  }
  if (program.empty()) {
    if (number == EPERM) add_privilege_hint(out.text, "loading", privileges::of_this_thread(), true);
    return;
  }
  out.name = program;
  out.text.add("program '", program, "' was refused: ");
  add_program_refusal(out.text, refused, log, number);
}

/// Why a program was not attached, out of what libbpf said.
inline void explain_attach(sentence& text, ::bpf_program const* program, std::string_view lines, int number) noexcept {
  if (number == EPERM) {
    add_privilege_hint(text, "attaching", privileges::of_this_thread(), true);
    return;
  }
  if (number == EOPNOTSUPP) {
    text.add("the section's name does not say where to attach: use libbpf's bpf_program__attach_*");
    return;
  }
  std::string_view const section = ::bpf_program__section_name(program);
  bool const traced = ::bpf_program__type(program) == BPF_PROG_TYPE_TRACEPOINT ||
                      section.starts_with("kprobe.multi/") || section.starts_with("kretprobe.multi/");
  if (traced && ::access("/sys/kernel/tracing/events", F_OK) != 0 &&
      ::access("/sys/kernel/debug/tracing/events", F_OK) != 0) {
    text.add("tracefs is not mounted, which names the kernel's hooks: mount -t tracefs tracefs /sys/kernel/tracing");
    return;
  }
  if (number == ENOENT) text.add("the running kernel has no such hook");
  cause why;
  find_cause(why, nullptr, lines, {}, number);
  if (!why.text.empty()) text.separate(": ").add(why.text);
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
