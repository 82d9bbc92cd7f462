// SPDX-License-Identifier: MIT OR GPL-2.0-only
// As on kernels before 6.6, and in programs whose licence does not allow kfuncs.
#define BPFMAP_NO_KFUNC
#include "side_size.bpf.c"
