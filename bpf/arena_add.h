// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What programs do to memory of arenas.
#ifndef ARENA_ADD_H
#define ARENA_ADD_H

/* Adds one to the number at `at`, an address of user space. The bytes are the instruction
 * r0 = addr_space_cast(r0, 0, 1), which compilers emit since clang 19. */
static __always_inline void add_one(void* arena, __u64 at) {
  asm volatile(
      "r1 = %[arena];"
      "r0 = %[at];"
      ".byte 0xbf, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00;"
      "r1 = *(u64 *)(r0 + 0);"
      "r1 += 1;"
      "*(u64 *)(r0 + 0) = r1;"
      :
      : [arena] "r"(arena), [at] "r"(at)
      : "r0", "r1", "memory");
}

#endif
