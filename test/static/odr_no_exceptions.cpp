// SPDX-License-Identifier: MIT
// A translation unit without exceptions in a program with them: its bpfmap is another one, and they do not meet.

#include "odr.hpp"

#if BPFMAP_EXCEPTIONS
#error "to be compiled with -fno-exceptions"
#endif

sight sight_without_exceptions() { return look(); }
