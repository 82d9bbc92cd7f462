// SPDX-License-Identifier: MIT
// A TCP congestion control made of three programs that do nothing: the smallest struct_ops that can be registered.
#include "table_struct_ops.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <memory>
#include <string_view>

namespace test {

namespace {

struct btf const* kernel_types() {
  static std::unique_ptr<struct btf, decltype(&btf__free)> const types(btf__load_vmlinux_btf(), btf__free);
  BOOST_REQUIRE(libbpf_get_error(types.get()) == 0);
  return types.get();
}

std::uint32_t struct_id(char const* name) {
  int const id = btf__find_by_name_kind(kernel_types(), name, BTF_KIND_STRUCT);
  BOOST_REQUIRE_MESSAGE(id > 0, "the kernel has no struct " << name);
  return static_cast<std::uint32_t>(id);
}

struct member {
  std::uint32_t index;
  std::uint32_t offset;  // bytes
};

member member_of(std::uint32_t id, std::string_view name) {
  btf_type const* const type = btf__type_by_id(kernel_types(), id);
  btf_member const* const members = btf_members(type);
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
    if (btf__name_by_offset(kernel_types(), members[i].name_off) == name) {
      return {i, btf_member_bit_offset(type, i) / 8};
    }
  }
  BOOST_FAIL("the kernel's struct has no member " << name);
  return {};
}

constexpr char wrapper[] = "bpf_struct_ops_tcp_congestion_ops";

}  // namespace

struct_ops_type congestion_control_type() {
  std::uint32_t const id = struct_id(wrapper);
  return {id, btf__type_by_id(kernel_types(), id)->size};
}

std::vector<std::byte> congestion_control(std::vector<bpfmap::unique_fd>& programs) {
  namespace bpf = bpfmap::detail::bpf;
  std::uint32_t const operations = struct_id("tcp_congestion_ops");
  std::vector<std::byte> value(congestion_control_type().size);
  std::uint32_t const data = member_of(struct_id(wrapper), "data").offset;
  bpf::instruction const code[] = {bpf::move(bpf::reg::r0, 0), bpf::exit()};
  for (char const* name : {"ssthresh", "undo_cwnd", "cong_avoid"}) {
    member const callback = member_of(operations, name);
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.attach_btf_id = operations;
    options.expected_attach_type = static_cast<bpf_attach_type>(callback.index);
    int const fd = bpf_prog_load(BPF_PROG_TYPE_STRUCT_OPS, name, "GPL", code, std::size(code), &options);
    BOOST_REQUIRE_MESSAGE(fd >= 0, "loading " << name << " gives " << fd);
    programs.emplace_back(fd);
    std::uint64_t const word = static_cast<std::uint64_t>(fd);
    std::memcpy(&value[data + callback.offset], &word, sizeof word);
  }
  constexpr char name[] = "bpfmap_test";
  std::memcpy(&value[data + member_of(operations, "name").offset], name, sizeof name);
  return value;
}

}  // namespace test
