// SPDX-License-Identifier: MIT
#ifndef BPFMAP_OBJECTS_LIBBPF_WORDS_HPP
#define BPFMAP_OBJECTS_LIBBPF_WORDS_HPP

// Which map, program or variable a line of libbpf's is about, and what it means. Lines of libbpf 1.0 to 1.7.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bpfmap/core/error_text.hpp>

namespace bpfmap::inline BPFMAP_ABI::detail {

/// What to look for: text, and for each `*` whatever is there.
struct libbpf_pattern {
  /// What is done with a line of this kind.
  enum class use : std::uint8_t {
    nothing,      ///< says nothing of the cause
    name,         ///< only names a program: what it is refused for stands elsewhere
    says,         ///< the sentence is the cause
    map_refused,  ///< the kernel has not created map $1
    inner_refused,
    not_pinned,   ///< map $1 could not be pinned at $2
    pin_refused,  ///< the map pinned at $1 is another
    probe_refused
  };

  std::string_view text;
  use then = use::says;
  std::string_view sentence = {};  ///< with $1, $2, … for what the asterisks stand for
};

inline constexpr std::size_t max_captures = 4;

/// Whether `line` is what `pattern` says; then also what its asterisks are.
constexpr bool matches(std::string_view line, std::string_view pattern, std::string_view (&captures)[max_captures]) {
  std::size_t captured = 0;
  std::size_t star = pattern.find('*');
  if (line.substr(0, star) != pattern.substr(0, star)) return false;
  while (star != std::string_view::npos) {
    line.remove_prefix(star);
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    std::string_view const next = pattern.substr(0, star);
    // The last asterisk takes what is there up to the words that end the line.
    std::size_t const at = next.empty() ? line.size() : star == pattern.npos ? line.rfind(next) : line.find(next);
    if (at == line.npos) return false;
    if (captured < max_captures) captures[captured++] = line.substr(0, at);
    line.remove_prefix(at);
    if (star == pattern.npos) return line == next;
    star = next.size();
    if (line.size() < star) return false;
  }
  return true;
}

inline constexpr std::string_view other_byte_order =
    std::endian::native == std::endian::little
        ? "the object is for big-endian machines: compile with clang -target bpf -mlittle-endian"
        : "the object is for little-endian machines: compile with clang -target bpf -mbig-endian";

using pattern_use = libbpf_pattern::use;

// The first that fits decides: what says more comes first.
inline constexpr libbpf_pattern libbpf_patterns[] = {
    // open
    {"map '*': unsupported map linkage static.", pattern_use::says,
     "map '$1' is static, or hidden by -fvisibility=hidden: a map must be a global variable, visible outside of its "
     "file"},
    {"map '*': unsupported map linkage extern.", pattern_use::says,
     "map '$1' is extern: link the object with the one that defines it (bpftool gen object)"},
    {"map '*': unknown field '*'.", pattern_use::says, "map '$1' is declared with '$2', which libbpf does not know"},
    {"map '*': map type isn't specified.", pattern_use::says, "map '$1' is declared without a type"},
    {"elf: legacy map definitions in 'maps' section are not supported by libbpf v1.0+", pattern_use::says,
     "the maps in its section 'maps' are declared the old way (struct bpf_map_def), which libbpf 1.0 and newer refuse: "
     "declare them in SEC(\".maps\")"},
    {"BTF is required, but is missing or corrupted.", pattern_use::says,
     "the maps in its section '.maps' are described by BTF, which the object does not have: compile with clang -g"},
    {"elf: endianness mismatch in *", pattern_use::says, other_byte_order},
    {"elf: '*' has unknown byte order", pattern_use::says, "the object's byte order is none that is known"},
    {"object '*': loading non-native endianness is unsupported", pattern_use::says, other_byte_order},
    {"elf: * is not a valid eBPF object file", pattern_use::says,
     "it is an ELF file, and not one of BPF: compile with clang -target bpf"},
    {"elf: '*' is not a proper ELF object", pattern_use::says,
     "it is not a BPF object file: compile with clang -target bpf -g"},
    {"elf: failed to open * as ELF file: *", pattern_use::says,
     "it is not a BPF object file ($2): compile with clang -target bpf -g"},
    {"elf: failed to open *: *", pattern_use::nothing},
    {"elf: couldn't find symbol table in *, stripped object file?", pattern_use::says,
     "the object has no symbols: it was stripped (llvm-strip -g leaves what is needed)"},
    {"sec '*': program '*' is static and not supported", pattern_use::says,
     "program '$2' (section '$1') is static: a program must be a global function"},
    {"unrecognized extern section '*'", pattern_use::says,
     "an extern variable lies in section '$1', which libbpf does not know: __ksym or __kconfig is missing"},
    {"failed to find BTF for extern '*'*", pattern_use::says,
     "the extern '$1' is not described by BTF: compile with clang -g"},
    {"prog '*': invalid relo against '*' in special section *; forgot to initialize global var?..", pattern_use::says,
     "program '$1' uses the variable '$2', which is not defined: initialise it, or compile with "
     "-fno-common"},
    // load, before a program or map is asked for
    {"Error in *Couldn't load trivial BPF program*", pattern_use::probe_refused},
    {"Error loading .BTF into kernel: *BTF is mandatory, can't proceed.", pattern_use::says,
     "the kernel refuses the object's BTF, which its maps or programs need: $1"},
    {"Error loading vmlinux BTF: *", pattern_use::says,
     "the object needs the BTF of the running kernel, which has none (CONFIG_DEBUG_INFO_BTF)"},
    {"failed to parse target BTF: *", pattern_use::says,
     "the BTF of the kernel, against which the object's programs are relocated, cannot be read: $1"},
    {"extern (var ksym) '*': not found in kernel BTF", pattern_use::says,
     "the running kernel has no variable '$1' (__ksym), or does not describe it by BTF"},
    {"extern (func ksym) '*': not found in kernel or module BTFs", pattern_use::says,
     "the running kernel has no function '$1' for programs (kfunc): it is older, or configured without"},
    {"extern (func ksym) '*': func_proto * incompatible with *", pattern_use::says,
     "the running kernel's function '$1' (kfunc) is declared otherwise than in the program"},
    {"extern '*' (strong): not resolved", pattern_use::says,
     "the extern '$1' is nowhere: neither the kernel nor its configuration has it (declare it __weak, if it may be "
     "missing)"},
    {"extern (*) '*': *", pattern_use::says, "the extern '$2' ($1): $3"},
    {"struct_ops init_kern: struct * is not found in kernel BTF", pattern_use::says,
     "the running kernel has no struct '$1', which a struct_ops map of the object implements"},
    {"struct_ops *: member * not found in kernel, skipping it as it's set to zero", pattern_use::nothing},
    {"struct_ops init_kern*", pattern_use::says, "a struct_ops map does not fit the running kernel:$1"},
    {"struct_ops *", pattern_use::says, "a struct_ops map of the object is not right: $1"},
    // load, maps
    {"couldn't reuse pinned map at '*': parameter mismatch", pattern_use::pin_refused},
    {"couldn't retrieve pinned map '*': *", pattern_use::says, "what is pinned at '$1' cannot be opened: $2"},
    {"map '*': failed to create inner map: *", pattern_use::inner_refused},
    {"map '*': failed to create: *", pattern_use::map_refused},
    {"map '*': error reusing pinned map", pattern_use::nothing},
    {"map '*': failed to auto-pin at '*': *", pattern_use::not_pinned},
    {"specified path * is not on BPF FS", pattern_use::nothing},
    {"failed to statfs *: *", pattern_use::nothing},
    {"failed to mkdir *: *", pattern_use::nothing},
    {"Error setting initial map(*) contents: *", pattern_use::says,
     "map '$1' has not taken the initial values of its variables: $2"},
    {"Error freezing map(*) as read-only: *", pattern_use::says, "map '$1' could not be made read-only: $2"},
    // load, programs
    {"prog '*': failed to find kernel BTF type ID of '*': *", pattern_use::says,
     "program '$1' attaches to '$2', which the running kernel does not have (or does not describe by BTF)"},
    {"prog '*': failed to find BPF program (FD *) BTF ID for '*': *", pattern_use::says,
     "program '$1' attaches to the function '$3' of another BPF program, which has none of this name"},
    {"prog '*': attach program FD is not set", pattern_use::says,
     "program '$1' attaches to another BPF program: say which, by bpf_program__set_attach_target(), before load()"},
    {"prog '*': no BTF-based attach target is specified*", pattern_use::says,
     "the section of program '$1' does not say to which function of the kernel it attaches: SEC(\"fentry/function\")"},
    {"prog '*': missing BPF prog type, check ELF section name '*'", pattern_use::says,
     "the section of program '$1', '$2', says no type of program that libbpf knows"},
    {"prog '*': failed to load: *", pattern_use::name},
    {"prog '*': BPF program load failed: *", pattern_use::name},
    {"prog '*': -- BEGIN PROG LOAD LOG --*", pattern_use::name},
    {"prog '*': failed to relocate calls: *", pattern_use::name},
    {"prog '*': failed to relocate data references: *", pattern_use::name},
    {"prog '*': failed to initialize: *", pattern_use::name},
    {"prog '*': failed to prepare load attributes: *", pattern_use::name},
    {"prog '*': failed to auto-attach: *", pattern_use::name},
    {"prog '*': failed to bind map '*': *", pattern_use::nothing},
    {"prog '*': relo #*: failed to relocate: *", pattern_use::name},
    {"prog '*': missing .BTF.ext *", pattern_use::nothing},
    {"prog '*': error relocating .BTF.ext *", pattern_use::nothing},
    // attach
    {"failed to determine tracepoint '*' perf event ID: *", pattern_use::says,
     "the running kernel has no tracepoint '$1'"},
    {"prog '*': failed to attach: *", pattern_use::name},
    // what is not yet known, in libbpf's own words
    {"map '*': *", pattern_use::says, "map '$1': $2"},
    {"prog '*': *", pattern_use::says, "program '$1': $2"},
    {"sec '*': *", pattern_use::says, "section '$1': $2"},
    {".maps relo #*: *", pattern_use::says, "a value that a map is declared with: $2"},
    {"elf: skipping *", pattern_use::nothing},
    {"elf: *", pattern_use::says, "the object file is damaged: $1"},
};

using pattern_captures = std::string_view[max_captures];

/// What the first quoted `$1`, `$2`, … of the sentence stands for: the name of what it is about; empty if there is
/// none.
constexpr std::string_view first_quoted(std::string_view words, pattern_captures const& captures) noexcept {
  std::size_t const at = words.find("'$");
  return at == words.npos || at + 2 >= words.size()
             ? ""
             : captures[static_cast<std::size_t>(words[at + 2] - '1') % max_captures];
}

/// Fills the captures into `sentence`.
inline void add_sentence(sentence& text, std::string_view words, pattern_captures const& captures) noexcept {
  for (std::size_t at; (at = words.find('$')) != words.npos && at + 1 < words.size();) {
    text.add(words.substr(0, at), captures[static_cast<std::size_t>(words[at + 1] - '1') % max_captures]);
    words.remove_prefix(at + 2);
  }
  text.add(words);
}

/// Takes the first line from `text`, without what libbpf begins its lines with.
constexpr std::string_view next_line(std::string_view& text) noexcept {
  constexpr std::string_view prefix = "libbpf: ";
  std::size_t const end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  return line;
}

/// The line of the verifier's log that says why a program was refused; empty if none does. It stands near the end,
/// before the counts, among the instructions and registers that lead to it.
constexpr std::string_view verdict(std::string_view log) noexcept {
  constexpr std::string_view noise[] = {
      "processed ", "verification time ", "stack depth ", "insns processed ", "peak_states", "max_states",
      "from ",      "mark_precise",       "caller:",      "callee:",          "; ",          "arg#0 reference type",
      "cur state:", "old state:",         "libbpf: "};
  auto const says_nothing = [&](std::string_view line) {
    for (std::string_view const each : noise) {
      if (line.starts_with(each)) return true;
    }
    // An instruction ("12: (85) call …"), and registers ("R1=ctx() R10=fp0", "12: R0_w=1").
    std::size_t const digits = line.find_first_not_of("0123456789");
    if (digits != 0 && digits != line.npos && line.substr(digits).starts_with(": ")) {
      std::string_view const rest = line.substr(digits + 2);
      return rest.starts_with('(') || rest.starts_with('R') || rest.starts_with("safe") || rest.starts_with("frame");
    }
    std::size_t const name = line.starts_with(" R") || line.starts_with("R") ? line.find_first_of("= ", 1) : line.npos;
    return name != line.npos && line[name] == '=';
  };
  while (!log.empty()) {
    if (log.ends_with('\n')) log.remove_suffix(1);
    std::size_t const begin = log.rfind('\n');
    std::string_view const line = begin == log.npos ? log : log.substr(begin + 1);
    if (line.find_first_not_of(' ') != line.npos && !says_nothing(line)) return line;
    log = begin == log.npos ? std::string_view{} : log.substr(0, begin);
  }
  return {};
}

}  // namespace bpfmap::inline BPFMAP_ABI::detail

#endif
