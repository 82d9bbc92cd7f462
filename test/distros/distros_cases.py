#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what ./dev distros makes of its roots, with a debootstrap and an unshare that only do what they are told.

usage: distros_cases.py

Needs no root and downloads nothing. The last line says how many cases passed, failed and were skipped.
"""

import concurrent.futures
import contextlib
import io
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import distros

# debootstrap OPTION OPTION SUITE FOLDER [MIRROR]
DEBOOTSTRAP = """#!/bin/sh
echo "$@" >>"$ANSWERS/bootstrapped"
mkdir -p "$4/etc/apt/apt.conf.d" "$4/tmp" && echo "$3" >"$4/etc/suite"
if [ -f "$ANSWERS/no-debootstrap" ]; then exit 3; fi
"""
# What would run in the root is what its answers say: its last argument is the command.
UNSHARE = """#!/bin/sh
shift 3
case $1 in debootstrap) exec "$@" ;; esac
for script do :; done
case $script in
  *"./dev demo"*) answer=demo ;;
  *"./dev test"*) answer=test ;;
  *) answer=versions ;;
esac
echo "$script" >>"$ANSWERS/ran"
if [ -f "$ANSWERS/hang" ]; then sleep 600 & exec sleep 600; fi
cat "$ANSWERS/$answer.output"
exit "$(cat "$ANSWERS/$answer.status" 2>/dev/null || echo 0)"
"""
VERSIONS = "Debian GNU/Linux 13 (trixie)\n14.2.0\n17.0.6\n1.5.0\n"


class World:
    """A folder with a false debootstrap and unshare, an empty cache, and the answers of the roots."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.cache = self.folder / "cache" / "bpfmap" / "distros"
        self.cache.mkdir(parents=True)
        (self.folder / "answers").mkdir()
        for name, text in ("debootstrap", DEBOOTSTRAP), ("unshare", UNSHARE), ("git", "#!/bin/sh\n: >\"$6\"\n"):
            (self.folder / name).write_text(text, encoding="utf-8")
            (self.folder / name).chmod(0o755)
        os.environ.update(
            ANSWERS=str(self.folder / "answers"),
            PATH=f"{folder}:{os.environ['PATH']}",
            XDG_CACHE_HOME=str(self.folder / "cache"),
            DEBIAN_MIRROR="mirror-of-the-machine",
        )
        os.environ.pop("NO_INSTALL", None)
        self.answers(**{"versions.output": VERSIONS, "demo.output": "", "test.output": "3 passed, 0 failed, 1 skipped\n"})

    def answers(self, **texts):
        for name, text in texts.items():
            (self.folder / "answers" / name).write_text(text, encoding="utf-8")

    def told(self, name):
        path = self.folder / "answers" / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def run(self, names=("13",), commands=("demo", "test"), fresh=False):
        """The exit status and what is printed. Nothing of the run may be left but what the cache is for."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                status = distros.report(distros.run_all(distros.Roots(self.cache, None), names, commands, fresh, 1))
        finally:
            left = [path.name for path in self.cache.iterdir() if path.name.startswith(("run-", "new-"))]
            assert not left, left
        return status, said.getvalue()


def both_commands_pass_on_a_distribution(world):
    status, said = world.run()
    assert status == 0 and said.endswith("\n4 passed, 0 failed, 1 skipped\n"), said
    row = next(line for line in said.splitlines() if " test  " in line)
    assert row.split() == "Debian GNU/Linux 13 (trixie) GCC 14.2.0, clang 17.0.6 1.5.0 test 3 0 1 0".split(), row
    assert [line for line in world.told("ran") if "--seconds 2" in line], world.told("ran")


def a_demo_that_fails_is_shown_and_fails(world):
    world.answers(**{"demo.status": "2", "demo.output": "error: quoted\n"})
    status, said = world.run()
    assert status == 1 and "demo: exit status 2" in said and "error: quoted" in said, said
    assert said.endswith("3 passed, 1 failed, 1 skipped\n"), said


def a_test_that_does_not_build_is_a_failure(world):
    world.answers(**{"test.status": "1", "test.output": "error: conflicting declaration\n"})
    status, said = world.run(commands=("test",))
    assert status == 1 and "error: conflicting declaration" in said, said
    assert said.endswith("0 passed, 1 failed, 0 skipped\n"), said


def each_distribution_has_a_root_of_its_own_that_is_made_once(world):
    world.run(names=("12", "13", "sid"), commands=("demo",))
    world.run(names=("12", "13", "sid"), commands=("demo",))
    made = [line.split()[2] for line in world.told("bootstrapped")]
    assert made == ["bookworm", "trixie", "sid"], made
    world.run(commands=("demo",), fresh=True)
    assert len(world.told("bootstrapped")) == 4, world.told("bootstrapped")


def the_mirror_is_the_machines_own(world):
    world.run(commands=("demo",))
    assert world.told("bootstrapped")[0].endswith(" mirror-of-the-machine/debian"), world.told("bootstrapped")


def a_debootstrap_that_fails_leaves_nothing(world):
    world.answers(**{"no-debootstrap": ""})
    try:
        world.run()
    except distros.debian.Failure as failure:
        assert "debootstrap ended with status 3" in str(failure), failure
    else:
        raise AssertionError("no failure")
    assert not (world.cache / "trixie.tar").exists()


def nothing_is_downloaded_with_no_install(world):
    os.environ["NO_INSTALL"] = "1"
    try:
        world.run()
    except distros.debian.Failure as failure:
        assert "no root of trixie is cached" in str(failure), failure
    else:
        raise AssertionError("no failure")


def a_run_that_is_stopped_ends_what_it_started_and_leaves_nothing(world):
    world.answers(hang="")
    roots = distros.Roots(world.cache, None)
    archive = roots.pristine("13", False)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(roots.try_commands, "13", ("demo",), archive)
        while not roots.open and not running.done():
            time.sleep(0.01)
        (child,) = roots.open
        roots.stop()
    assert "interrupted" in str(running.exception()), running.exception()
    while alive_in_session(child.pid):  # the kernel may still be at it
        time.sleep(0.01)
    assert not list(world.cache.glob("run-*"))


def alive_in_session(session):
    alive = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:4]
            alive += [stat] if int(of) == session and state not in "ZX" else []
    return alive


CASES = (
    both_commands_pass_on_a_distribution,
    a_demo_that_fails_is_shown_and_fails,
    a_test_that_does_not_build_is_a_failure,
    each_distribution_has_a_root_of_its_own_that_is_made_once,
    the_mirror_is_the_machines_own,
    a_debootstrap_that_fails_leaves_nothing,
    nothing_is_downloaded_with_no_install,
    a_run_that_is_stopped_ends_what_it_started_and_leaves_nothing,
)


def main():
    failed = 0
    before = dict(os.environ)
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="bpfmap-distros-") as folder:
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
