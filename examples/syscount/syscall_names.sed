# SPDX-License-Identifier: MIT
# Turns the macros of <sys/syscall.h> into a table. The compiler gives the numbers, because some
# architectures define them by other macros. Two of the macros are limits, no system calls.
/^#define __NR_(syscalls|arch_specific_syscall) /d
s/^#define __NR_([a-z0-9_]+) .*/{__NR_\1, "\1"},/p
