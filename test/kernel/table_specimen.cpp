// SPDX-License-Identifier: MIT
#include "table_specimen.hpp"
#include "table_struct_ops.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <cstring>
#include <memory>

#include <linux/if_xdp.h>
#include <linux/perf_event.h>
#include <mntent.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace test {

namespace bpf = bpfmap::detail::bpf;
using bpfmap::entries_rule;
using bpfmap::key_kind;
using bpfmap::map_traits;
using bpfmap::map_type;
using bpfmap::unique_fd;
using bpfmap::value_kind;

namespace {

int opened(int fd, char const* what) {
  BOOST_REQUIRE_MESSAGE(fd >= 0, what << ": " << std::strerror(errno));
  return fd;
}

std::string cgroup_mount() {
  std::unique_ptr<FILE, int (*)(FILE*)> const mounts(setmntent("/proc/mounts", "r"), endmntent);
  while (mntent const* const entry = getmntent(mounts.get())) {
    if (std::string_view(entry->mnt_type) == "cgroup2") return entry->mnt_dir;
  }
  BOOST_FAIL("no cgroup2 is mounted");
  return {};
}

/// A socket that every map of sockets takes, and that shares its port if it may.
int udp_socket() {
  int const fd = opened(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  int const yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0);
  BOOST_REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

/// With a ring to receive: Linux 7.2 refuses others with ENOBUFS.
int xdp_socket() {
  int const fd = opened(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), "socket(AF_XDP)");
  int const entries = 8;
  BOOST_REQUIRE(::setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof entries) == 0);
  return fd;
}

int perf_event() {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_BPF_OUTPUT;
  long const fd = ::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
  return opened(static_cast<int>(fd), "perf_event_open");
}

int pid_fd(pid_t pid) { return opened(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"); }

int load(bpf_prog_type type, std::span<bpf::instruction const> code) {
  int const fd = bpfmap::sys::program_load(type, "table", "GPL", code.data(), code.size(), 0);
  BOOST_REQUIRE_MESSAGE(fd >= 0, "loading a program of type " << type << " gives " << fd);
  return fd;
}

int empty_program() {
  bpf::instruction const code[] = {bpf::move(bpf::reg::r0, 0), bpf::exit()};
  return load(BPF_PROG_TYPE_SOCKET_FILTER, code);
}

constexpr bpf::instruction call_helper(bpf_func_id helper) { return bpf::make(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }

/// BTF with an int key and a value of so many bytes, for the types that demand it.
struct own_types {
  explicit own_types(std::uint32_t value_size)
      : value(btf__add_array(types.get(), key, btf__add_int(types.get(), "unsigned char", 1, 0), value_size)),
        loaded(btf__load_into_kernel(types.get())) {}

  std::unique_ptr<struct btf, decltype(&btf__free)> types{btf__new_empty(), btf__free};
  int key = btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
  int value;
  int loaded;
};

int inner_map() {
  return opened(bpf_map_create(BPF_MAP_TYPE_ARRAY, "inner", 4, 8, 1, nullptr), "creating an inner map");
}

bytes numbered_bytes(std::size_t count) {
  bytes made(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = static_cast<std::byte>(i + 1);
  return made;
}

bytes word_of(int fd, std::size_t size) {
  bytes made(size);
  std::memcpy(made.data(), &fd, sizeof fd);
  return made;
}

struct prefix_key {
  std::uint32_t length = 32;
  std::uint8_t address[4] = {};
};

std::uint32_t key_size(map_traits const& row) {
  switch (row.key) {
    case key_kind::prefix:
      return sizeof(prefix_key);
    case key_kind::cgroup:
      return sizeof(bpf_cgroup_storage_key);
    default:
      return row.max_key_size == 0 ? 0 : 4;
  }
}

std::uint32_t value_size(map_traits const& row) {
  switch (row.value) {
    case value_kind::stack:
      return 16 * sizeof(std::uint64_t);
    case value_kind::struct_ops:
      return congestion_control_type().size;
    case value_kind::bytes:
    case value_kind::percpu:
    case value_kind::socket:  // 4 bytes would do, but could not be read
      return 8;
    default:
      return row.min_value_size;
  }
}

std::uint32_t max_entries(map_traits const& row) {
  switch (row.entries) {
    case entries_rule::zero:
      return 0;
    case entries_rule::ring_bytes:
      return static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
    default:
      return row.evicts ? 256 : 1;
  }
}

}  // namespace

own_cgroup::own_cgroup() {
  static int made = 0;
  path_ = cgroup_mount() + "/bpfmap-test-" + std::to_string(::getpid()) + "-" + std::to_string(made++);
  BOOST_REQUIRE_MESSAGE(::mkdir(path_.c_str(), 0755) == 0, path_ << ": " << std::strerror(errno));
  fd_.reset(opened(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening a cgroup"));
}

own_cgroup::~own_cgroup() {
  fd_.reset();
  ::rmdir(path_.c_str());
}

std::uint64_t own_cgroup::id() const {
  struct stat about {};
  BOOST_REQUIRE(::fstat(fd(), &about) == 0);
  return about.st_ino;
}

bpfmap::sys::map_shape small_shape(map_traits const& row, std::uint32_t more_room) {
  bpfmap::sys::map_shape shape{};
  shape.type = row.type;
  shape.name = "table";
  shape.key_size = key_size(row);
  shape.value_size = value_size(row);
  shape.max_entries = max_entries(row) + (row.entries == entries_rule::at_least_one ? more_room : 0);
  shape.flags = row.flags_required;
  if (row.commands.mmap) shape.flags |= row.flags_allowed & bpfmap::map_flags::mmapable;
  return shape;
}

int create(map_traits const& row, bpfmap::sys::map_shape shape) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = shape.flags;
  options.map_extra = shape.map_extra;
  unique_fd inner;
  std::unique_ptr<own_types> types;
  if (row.value == value_kind::map) {
    inner.reset(inner_map());
    options.inner_map_fd = static_cast<std::uint32_t>(inner.get());
  }
  if (row.btf != bpfmap::btf_rule::refused && row.btf != bpfmap::btf_rule::optional) {
    types = std::make_unique<own_types>(shape.value_size);
    if (types->loaded < 0) return types->loaded;  // and errno is set
    options.btf_fd = static_cast<std::uint32_t>(btf__fd(types->types.get()));
  }
  if (row.btf == bpfmap::btf_rule::required) {
    options.btf_key_type_id = static_cast<std::uint32_t>(types->key);
    options.btf_value_type_id = static_cast<std::uint32_t>(types->value);
  }
  if (row.btf == bpfmap::btf_rule::vmlinux) options.btf_vmlinux_value_type_id = congestion_control_type().id;
  return bpf_map_create(static_cast<bpf_map_type>(shape.type), shape.name, shape.key_size, shape.value_size,
                        shape.max_entries, &options);
}

specimen::specimen(map_traits const& of, std::uint32_t more_room)
    : row(of), shape(small_shape(of, more_room)), map(create(of, shape)) {
  BOOST_REQUIRE_MESSAGE(map, row.name << " cannot be created: " << std::strerror(errno));
  make_keys();
  make_values();
}

int specimen::own(int fd) { return kept_.emplace_back(fd).get(); }

void specimen::make_keys() {
  auto const keys = [this](auto const& one, auto const& another) {
    key = bytes_of(one);
    beyond = bytes_of(another);
  };
  switch (row.key) {
    case key_kind::none:
      break;
    case key_kind::index:
    case key_kind::zero:
    case key_kind::stack_id:
      keys(std::uint32_t{0}, shape.max_entries);
      break;
    case key_kind::bytes:
      keys(std::uint32_t{1}, std::uint32_t{2});
      break;
    case key_kind::prefix:
      keys(prefix_key{.address = {10, 0, 0, 1}}, prefix_key{.address = {10, 0, 0, 2}});
      break;
    case key_kind::cgroup: {
      auto const& cgroup = *cgroups_.emplace_back(std::make_unique<own_cgroup>());
      bpf_cgroup_storage_key attached{};
      attached.cgroup_inode_id = cgroup.id();
      attached.attach_type = BPF_CGROUP_INET_EGRESS;
      auto other = attached;
      ++other.cgroup_inode_id;
      keys(attached, other);
      break;
    }
    case key_kind::fd:
      switch (row.type) {
        case map_type::sk_storage:
          return keys(own(udp_socket()), own(udp_socket()));
        case map_type::task_storage:
          return keys(own(pid_fd(::getpid())), own(pid_fd(1)));
        case map_type::cgrp_storage:
          cgroups_.emplace_back(std::make_unique<own_cgroup>());
          cgroups_.emplace_back(std::make_unique<own_cgroup>());
          return keys(cgroups_[0]->fd(), cgroups_[1]->fd());
        default:
          return keys(own(opened(::memfd_create("one", MFD_CLOEXEC), "memfd_create")),
                      own(opened(::memfd_create("another", MFD_CLOEXEC), "memfd_create")));
      }
  }
}

void specimen::make_values() {
  room = shape.value_size;
  auto const words = [this](int one, int another) {
    value = word_of(one, shape.value_size);
    other_value = word_of(another, shape.value_size);
  };
  switch (row.value) {
    case value_kind::none:
      break;
    case value_kind::bytes:
      value = numbered_bytes(room);
      break;
    case value_kind::percpu: {
      std::error_code ec;
      room *= bpfmap::possible_cpus(ec).size();
      value = numbered_bytes(room);
      break;
    }
    case value_kind::map: {
      int const inner = own(inner_map());
      return words(inner, inner);
    }
    case value_kind::program: {
      int const program = own(empty_program());
      return words(program, program);
    }
    case value_kind::perf_event: {
      int const event = own(perf_event());
      return words(event, event);
    }
    case value_kind::cgroup: {
      int const cgroup = cgroups_.emplace_back(std::make_unique<own_cgroup>())->fd();
      return words(cgroup, cgroup);
    }
    case value_kind::device: {
      int const loopback = static_cast<int>(::if_nametoindex("lo"));
      return words(loopback, loopback);
    }
    case value_kind::cpu_queue:
      return words(192, 64);
    case value_kind::socket: {
      int const socket = own(udp_socket());
      return words(socket, own(udp_socket()));
    }
    case value_kind::xsk: {
      int const socket = own(xdp_socket());
      return words(socket, own(xdp_socket()));
    }
    case value_kind::struct_ops:
      value = congestion_control(kept_);
      // Registered is registered, whether or not the map is closed.
      undo_.emplace_back([this] { bpfmap::sys::map_delete(map.get(), key.data()); });
      break;
    case value_kind::stack:
    case value_kind::instruction:
      value.resize(shape.value_size);
      break;
  }
  other_value = value;
}

int specimen::update(void const* at, bytes const& what, std::uint64_t flags) {
  // EAGAIN: the owner of a local storage is just losing its last element, the one of the specimen before.
  int result = -EAGAIN;
  for (int tries = 0; result == -EAGAIN && tries < 10'000; ++tries) {
    if (tries != 0) ::sched_yield();
    result = bpfmap::sys::map_update(map.get(), at, what.data(), flags);
  }
  return result;
}

int specimen::store() {
  if (row.key == key_kind::stack_id) return take_a_stack();
  if (row.key == key_kind::cgroup) {
    if (int const failed = attach_to_cgroup(); failed < 0) return failed;
  }
  return update(key_pointer(), value, 0);
}

// return bpf_get_stackid(ctx, map, 0);
int specimen::take_a_stack() {
  auto const to_map = bpf::load_map(bpf::reg::r2, map.get());
  bpf::instruction const code[] = {to_map[0], to_map[1], bpf::move(bpf::reg::r3, 0), call_helper(BPF_FUNC_get_stackid),
                                   bpf::exit()};
  unique_fd const program(load(BPF_PROG_TYPE_RAW_TRACEPOINT, code));
  bpf_test_run_opts options{};
  int const failed = bpfmap::sys::program_run(program.get(), options);
  if (failed < 0) return failed;
  key = bytes_of(options.retval);
  return static_cast<int>(options.retval) < 0 ? static_cast<int>(options.retval) : 0;
}

// bpf_get_local_storage(map, 0); return 1;
int specimen::attach_to_cgroup() {
  auto const to_map = bpf::load_map(bpf::reg::r1, map.get());
  bpf::instruction const code[] = {to_map[0],
                                   to_map[1],
                                   bpf::move(bpf::reg::r2, 0),
                                   call_helper(BPF_FUNC_get_local_storage),
                                   bpf::move(bpf::reg::r0, 1),
                                   bpf::exit()};
  int const program = own(load(BPF_PROG_TYPE_CGROUP_SKB, code));
  int const link = bpf_link_create(program, cgroups_.front()->fd(), BPF_CGROUP_INET_EGRESS, nullptr);
  if (link >= 0) own(link);
  return link;
}

}  // namespace test
