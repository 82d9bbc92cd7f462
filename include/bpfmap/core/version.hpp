// SPDX-License-Identifier: MIT
#ifndef BPFMAP_CORE_VERSION_HPP
#define BPFMAP_CORE_VERSION_HPP

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "bpfmap requires C++20: compile with -std=c++20 or newer"
// There is no such file: compilers stop here, and not after hundreds of errors that say nothing new.
#include <bpfmap_ends_here>
#endif

// With exceptions off the throwing overloads do not exist. The two shapes live in different inline
// namespaces, so that objects compiled with different flags cannot be linked into one wrong program.
#if defined(__cpp_exceptions)
#define BPFMAP_EXCEPTIONS 1
#define BPFMAP_ABI v0
#else
#define BPFMAP_EXCEPTIONS 0
#define BPFMAP_ABI v0_noexc
#endif

namespace bpfmap::inline BPFMAP_ABI {

/// The version of this library, following semantic versioning.
struct library_version {
  int major;
  int minor;
  int patch;
};

inline constexpr library_version version{0, 1, 0};

}  // namespace bpfmap::inline BPFMAP_ABI

#endif
