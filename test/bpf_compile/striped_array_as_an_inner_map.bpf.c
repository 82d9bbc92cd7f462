// SPDX-License-Identifier: MIT OR GPL-2.0-only
// expect-error: a striped array is no inner map: the loader sizes only maps of their own
#include <linux/bpf.h>

#include <bpfmap.bpf.h>

#ifdef BPFMAP_EXPECT_ERROR
BPFMAP_ARRAY_OF_MAPS(outer, 4, BPFMAP_INNER(STRIPED_ARRAY, __u64, 16));
#else
BPFMAP_ARRAY_OF_MAPS(outer, 4, BPFMAP_INNER(ARRAY, __u64, 16));
#endif
