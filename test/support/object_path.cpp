// SPDX-License-Identifier: MIT
// The one place that knows where the build puts the BPF objects: everything else compiles alike in every build folder.
#include <string>

namespace test {

std::string object_path(std::string const& name) { return BPFMAP_BPF_OBJECTS "/" + name + ".bpf.o"; }

}  // namespace test
