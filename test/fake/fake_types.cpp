// SPDX-License-Identifier: MIT
// BTF that is made and loaded: what was added, as text.
#include "fake_kernel.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <unistd.h>

#include <bpf/btf.h>

struct btf {
  std::vector<std::string> types;
  int fd = -1;
};

namespace {

using fake::answer;
using fake::call;
using fake::scripted;

std::vector<std::string>& loaded() {
  static auto* const types = new std::vector<std::string>;
  return *types;
}

int add(btf* to, std::string const& what) {
  heap::pause const own;
  to->types.push_back(what);
  return static_cast<int>(to->types.size());
}

// An id of which nothing was added yet is a mistake, as it is for libbpf.
bool is_there(btf const* types, int id) { return id >= 0 && static_cast<std::size_t>(id) <= types->types.size(); }

}  // namespace

namespace fake {

std::vector<std::string> last_btf() { return loaded(); }

}  // namespace fake

extern "C" {

btf* btf__new_empty() {
  heap::pause const own;
  return new btf;
}
void btf__free(btf* types) {
  heap::pause const own;
  if (types != nullptr && types->fd >= 0) ::close(types->fd);
  delete types;
}
int btf__add_int(btf* types, char const* name, size_t bytes, int) {
  return add(types, name + (":" + std::to_string(bytes)));
}
int btf__add_array(btf* types, int index, int element, __u32 count) {
  if (!is_there(types, index) || !is_there(types, element)) return answer(-EINVAL);
  return add(types, "array:" + std::to_string(count));
}
int btf__add_struct(btf* types, char const* name, __u32 bytes) {
  return add(types, (name == nullptr ? "struct" : name) + (":" + std::to_string(bytes)));
}
int btf__add_field(btf* types, char const* name, int type, __u32 bit, __u32) {
  if (!is_there(types, type)) return answer(-EINVAL);
  types->types.back() += std::string(" ") + name + "@" + std::to_string(bit / 8);
  return 0;
}
int btf__add_func_proto(btf* types, int result) {
  if (!is_there(types, result)) return answer(-EINVAL);
  return add(types, "prototype");
}
int btf__add_func(btf* types, char const* name, btf_func_linkage, int prototype) {
  if (!is_there(types, prototype)) return answer(-EINVAL);
  return add(types, std::string("function:") + name);
}
int btf__load_into_kernel(btf* types) {
  fake::run_before(call::btf_load);
  fake::guard const lock;
  if (auto const said = scripted(call::btf_load)) return answer(*said);
  loaded() = types->types;
  types->fd = fake::make(fake::kind::link).second;  // something that can be closed
  return answer(0);
}
int btf__fd(btf const* types) { return types->fd; }
}
