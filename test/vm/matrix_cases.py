#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what the matrix makes of its guests, with a QEMU that only says what it is told to say.

usage: matrix_cases.py

Needs no QEMU and downloads nothing. The last line says how many cases passed, failed and were skipped.
"""

import contextlib
import io
import os
import sys
import tempfile
import traceback
from pathlib import Path

import guest
import kernels
import matrix

QEMU = """#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    -serial)
      path=${2#file:}
      if [ -f "$ANSWERS/${path##*/}" ]; then cp "$ANSWERS/${path##*/}" "$path"; fi
      ;;
  esac
  shift
done
if [ -f "$ANSWERS/hang" ]; then exec sleep 60; fi
"""

KERNEL = kernels.Kernel("6.1", Path("vmlinuz"), (), "6.1.0-test", "6.1.1-1")
MACHINE = matrix.Guest(KERNEL, matrix.SHAPES["sparse"])


class World:
    """A folder with a false QEMU, a false busybox, an empty cache, and the answers of the guest."""

    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "answers").mkdir()
        for name, text in ("qemu", QEMU), ("busybox", "#!/bin/sh\n"):
            (self.folder / name).write_text(text, encoding="utf-8")
            (self.folder / name).chmod(0o755)
        os.environ.update(
            QEMU=str(self.folder / "qemu"),
            ANSWERS=str(self.folder / "answers"),
            PATH=f"{folder}:{os.environ['PATH']}",
            XDG_CACHE_HOME=str(self.folder / "cache"),
            NO_INSTALL="1",
            JOBS="1",
        )

    def answers(self, **texts):
        for name, text in texts.items():
            (self.folder / "answers" / name).write_text(text, encoding="utf-8")

    @staticmethod
    def run(timeout=20.0):
        """The exit status and what is printed."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            test = matrix.Test("kernel", ["/bin/true"], {}, [], timeout)
            status = matrix.report(matrix.run_all([MACHINE], [test]))
        return status, said.getvalue()


def a_guest_that_passes_counts(world):
    world.answers(status="status 0\n", output="skipped: a/b: too old\n3 passed, 0 failed, 1 skipped\n")
    status, said = world.run()
    assert status == 0 and said.endswith("\n3 passed, 0 failed, 1 skipped\n"), said
    assert "kernel: a/b: too old (6.1, CPUs 0,2 of 0-3)" in said, said
    assert "6.1.0-test  0,2 of 0-3   kernel       3       0        1" in said, said


def a_test_that_fails_is_shown_and_fails_the_matrix(world):
    world.answers(status="status 201\n", output="error: in c/d\n3 passed, 2 failed, 0 skipped\n")
    status, said = world.run()
    assert status == 1 and "error: in c/d" in said and said.endswith("3 passed, 2 failed, 0 skipped\n"), said


def a_status_that_its_total_does_not_explain_is_a_failure(world):
    world.answers(status="status 139\n", output="3 passed, 0 failed, 0 skipped\n")
    status, said = world.run()
    assert status == 1 and "killed by SIGSEGV" in said, said


def a_kernel_that_dies_is_a_failure_and_its_console_is_shown(world):
    world.answers(output="3 passed, 0 failed, 0 skipped\n", console="Kernel panic\n")
    status, said = world.run()
    assert status == 1 and "no exit status came back" in said and "Kernel panic" in said, said
    assert said.endswith("0 passed, 1 failed, 0 skipped\n"), said


def a_guest_that_hangs_is_a_failure(world):
    world.answers(hang="")
    status, said = world.run(timeout=0.5)
    assert status == 1 and "timed out after 0.5 s" in said, said


def nothing_is_downloaded_with_no_install(_):
    try:
        kernels.get(["5.10"])
    except kernels.Failure as failure:
        assert "not cached: 5.10" in str(failure), failure
    else:
        raise AssertionError("no failure")


def a_cached_kernel_is_taken_as_it_is(world):
    folder = world.folder / "cache" / "bpfmap" / "kernels" / "5.10"
    folder.mkdir(parents=True)
    (folder / "release").write_text("5.10.0-1 5.10.9-1\n", encoding="utf-8")
    (folder / "vmlinuz").touch()
    (folder / "modules").mkdir()
    veth = folder / "modules" / "veth.ko"
    veth.touch()
    assert kernels.get(["5.10"])["5.10"] == kernels.Kernel("5.10", folder / "vmlinuz", (veth,), "5.10.0-1", "5.10.9-1")
    (machine,) = matrix.guests(["5.10-sparse"], update=False)
    assert str(machine) == "5.10, CPUs 0,2 of 0-3", machine


def an_unknown_kind_of_guest_is_refused(_):
    try:
        matrix.guests(["6.1-dense"], update=False)
    except kernels.Failure as failure:
        assert "6.1-dense" in str(failure), failure
    else:
        raise AssertionError("no failure")


def lists_of_cpus_are_read(_):
    assert guest.cpu_list("1,3-5,7") == [1, 3, 4, 5, 7]
    assert not guest.cpu_list("")


CASES = (
    a_guest_that_passes_counts,
    a_test_that_fails_is_shown_and_fails_the_matrix,
    a_status_that_its_total_does_not_explain_is_a_failure,
    a_kernel_that_dies_is_a_failure_and_its_console_is_shown,
    a_guest_that_hangs_is_a_failure,
    nothing_is_downloaded_with_no_install,
    a_cached_kernel_is_taken_as_it_is,
    an_unknown_kind_of_guest_is_refused,
    lists_of_cpus_are_read,
)


def main():
    failed = 0
    before = dict(os.environ)
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="bpfmap-matrix-") as folder:
            try:
                case(World(folder))
            except Exception:  # whatever it is, the other cases run too
                failed += 1
                print(f"{case.__name__}:")
                traceback.print_exc(file=sys.stdout)
        os.environ.clear()
        os.environ.update(before)
    print(f"{len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
