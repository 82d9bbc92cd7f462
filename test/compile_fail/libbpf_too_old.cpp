// SPDX-License-Identifier: MIT
// In place of libbpf's own <bpf/libbpf_version.h>, what that of libbpf 0.8 says.
// wrong-flags: -D__LIBBPF_VERSION_H -DLIBBPF_MAJOR_VERSION=0 -DLIBBPF_MINOR_VERSION=8
// expect-error: bpfmap requires libbpf 1\.0 or newer
// errors: 2
#include <bpfmap/maps/hash.hpp>

int use() { return 0; }
