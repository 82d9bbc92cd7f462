// SPDX-License-Identifier: MIT
// A libbpf that has no kernel behind it: maps are kept in this process, and a script says which call fails how.
//
// Descriptors are real ones (of memory files), so that dup, close and mmap work on them and leaks can be counted.
// What it answers is what Linux 6.18 answers; contract.cpp says so as tests that also run on the real libbpf.
#ifndef BPFMAP_TEST_FAKE_FAKE_LIBBPF_HPP
#define BPFMAP_TEST_FAKE_FAKE_LIBBPF_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

struct bpf_map;

namespace fake {

/// The functions of libbpf that can be scripted and are counted.
enum class call : std::uint8_t {
  map_create,
  map_info,  ///< bpf_obj_get_info_by_fd
  lookup,    ///< also with flags
  update,
  erase,
  extract,  ///< lookup_and_delete
  next_key,
  lookup_batch,  ///< of at least one element
  update_batch,
  delete_batch,
  extract_batch,  ///< lookup_and_delete
  empty_batch,    ///< of none, which only tells whether the descriptor is a map's
  freeze,
  fd_by_id,
  pin,
  get,  ///< bpf_obj_get
  program_load,
  program_run,
  object_open,
  object_load,
  attach,       ///< of programs and of struct_ops
  link_create,  ///< of struct_ops
  link_update,
  btf_load,
  count_  ///< how many there are
};

/// Back to the beginning: no maps, no script, nothing counted.
void reset();

/// How often it was called since reset(), failed calls included.
std::size_t calls(call which);

inline constexpr std::size_t forever = SIZE_MAX;

/// After `after` more calls, the next `times` ones answer `error` (an errno), and do nothing. A batch then leaves
/// its count as it was given, which is what the kernel does when it refuses a command.
void fail(call which, int error, std::size_t times = 1, std::size_t after = 0);

/// Forgets what fail() said about `which`; what was counted stays.
void reset_script(call which);

/// Runs before each call of `which`, outside the fake's lock: another thread's or program's work, say.
void before(call which, std::function<void()> work);

/// What one BPF_MAP_LOOKUP_BATCH does instead of the usual: gives `elements` elements at the most, and `error` with
/// them (0: none). The cursor moves behind what it gave; it stays unwritten if that is nothing and there is an error.
struct batch_answer {
  int error = 0;
  std::uint32_t elements = 0;
};
/// After `after` more batches, the next ones go by these answers.
void batches(std::vector<batch_answer> answers, std::size_t after = 0);

/// Everything about a map that create options say.
struct shape {
  std::uint32_t type = 1;
  std::uint32_t key_size = 4;
  std::uint32_t value_size = 8;
  std::uint32_t max_entries = 16;
  std::uint32_t flags = 0;
  std::string name = "flows";
  std::uint32_t numa_node = 0;
  std::uint64_t map_extra = 0;
  std::uint32_t btf_fd = 0;
  std::uint32_t btf_key_type_id = 0;
  std::uint32_t btf_value_type_id = 0;
  std::uint32_t striped = 0;  // in an object: BPFMAP_STRIPED_ARRAY declared it with so many indices
  std::string pinned = {};    // in an object: where it is to be found
};

/// A map that is just there: no capability asked for, no rule checked, types unknown to everyone allowed.
/// @return a descriptor, which the caller closes
int make_map(shape const& made);
/// Descriptors of other things; the caller closes them.
int make_program();
int make_link();

/// What the last bpf_map_create() was given.
shape last_created();

/// Of the map behind `fd`:
std::uint32_t id_of(int fd);
std::uint64_t elements_of(int fd);
void freeze(int fd);
/// Values of it hold a bpf_spin_lock, so BPF_F_LOCK is allowed.
void give_lock(int fd);
/// How many buckets a hash has: the key's number modulo this is the bucket. A power of two of at least max_entries
/// otherwise, as in the kernel.
void set_buckets(int fd, std::uint32_t buckets);
/// Stores an element as a BPF program would: no script, no counting. Per-CPU maps: all slots.
void put(int fd, void const* key, void const* value);
/// Takes one out, likewise.
void drop(int fd, void const* key);

/// The value bytes and flags of the last BPF_MAP_UPDATE_ELEM, and the flags of the last lookup with flags.
std::vector<std::byte> last_value();
std::uint64_t last_update_flags();
std::uint64_t last_lookup_flags();

/// What bpf_map_sum_elem_count says from now on; the truth, if nothing is said.
void answer_count(std::optional<std::int64_t> count);

/// sizeof(struct bpf_map_info) in the kernel: 104 in Linux 6.18, 80 before 5.16.
void set_kernel_info_bytes(std::uint32_t bytes);

/// Descriptors that the fake itself has open now.
std::size_t own_descriptors();

/// What bpfmap did that would go wrong in a kernel, or rather in its own memory: buffers too short for what it
/// asks for, or overlapping. Gone from the list once told.
std::vector<std::string> violations();

/// A constant of an object's programs, all zeros.
struct constant {
  std::string name;
  std::uint32_t bytes;
  std::uint32_t too_far = 0;  ///< by how many bytes its BTF is wrong
};
/// A call in a program's own instructions, and what the kernel says about the helper: 1 that it has it, 0 that it
/// does not, a negative number that it cannot be asked.
struct helper_call {
  std::string program;
  std::int32_t helper;
  int probe = 1;
};
/// An object file with programs and maps.
struct object_shape {
  std::vector<std::string> programs;
  std::vector<shape> maps;
  std::vector<constant> constants = {};
  std::vector<helper_call> calls = {};
};
/// What the next bpf_object__open_*() finds.
void set_object(object_shape const& found);

/// What libbpf prints, as warnings, in the next call of `which` (object_open, object_load, attach); lines without the
/// "libbpf: " in front.
void prints(call which, std::vector<std::string> const& lines);
/// Prints a line at once, as any call of libbpf might.
void say(std::string const& line);
/// And, in the next object_load, of a program whose log the verifier filled.
void prints_log(std::string const& program, std::string const& log);

/// struct bpf_map of a map that exists; valid until reset(). Its descriptor is the fake's own.
bpf_map* libbpf_map(shape const& made);
/// One that was not loaded yet.
bpf_map* unloaded_map(std::string const& name);

/// From now on programs that loop are run, too. Else this kernel refuses them.
void run_loops();

/// How libbpf attaches a struct_ops that has links: 1.2 and newer make the link, too.
void make_links_of_struct_ops(bool newer);
/// libbpf 1.4 and newer have mapped an arena here.
void set_mapped(bpf_map* map, void* memory);
/// What the last BTF that was loaded has: "int:4", "struct:24", "lock@8", ….
std::vector<std::string> last_btf();

/// For the parts of the fake itself: a scripted answer for this call, or nothing. Counts it.
std::optional<int> scripted(call which);
/// Sets errno for a failure, and spoils it for a success, as libbpf may.
int answer(int result);

}  // namespace fake

/// Files that bpfmap reads, as fopen() sees them.
namespace fake_files {

/// From now on the file at `path` has this text, or is missing (nullopt).
void set(std::string const& path, std::optional<std::string> const& text);
/// Opening it fails with this errno.
void refuse(std::string const& path, int error);
/// Back to the real file.
void real(std::string const& path);

/// Called before each file is opened, outside of all locks.
void before_opening(void (*call)());
/// From now on madvise() fails with this errno; 0: no longer.
void refuse_advice(int error);

/// What there is now is this executable's machine: reset() brings it back.
void keep();
void reset();

// The machine of the fake ring: CPU ids with holes, one possible CPU offline.
inline constexpr char const* possible = "/sys/devices/system/cpu/possible";
inline constexpr char const* online = "/sys/devices/system/cpu/online";
inline constexpr char const* vmlinux = "/sys/kernel/btf/vmlinux";
inline constexpr char const* possible_cpus = "0,2-5,8\n";
inline constexpr char const* online_cpus = "0,2-4,8\n";
inline constexpr std::size_t possible_count = 6;
/// The id of bpf_map_sum_elem_count in the fake kernel's BTF.
inline constexpr std::uint32_t count_function_id = 4;

}  // namespace fake_files

#endif
