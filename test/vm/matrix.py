#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the kernel ring, as it is built, on other kernels and CPU topologies, in QEMU.

usage: matrix.py [--update] [--test NAME]... [--filter FILTER] [GUEST...]

A GUEST is a kernel series, with two CPUs (6.1), or with CPUs 0 and 2 of 0-3 online (6.1-sparse); without
any: 5.10 6.1 6.12 6.18 7.2 6.1-sparse 7.2-sparse. Each test of Meson's suite "kernel" boots a guest of
its own, so that a kernel that dies takes one test with it. --test takes only tests of this name, and
--filter is Boost.Test's --run_test. --update looks for newer kernels than the cached ones.

    ./dev matrix 5.10 6.1-sparse --test kernel --filter 'per_cpu*'

The last lines are a table, a row for each guest and test, and the total `N passed, N failed,
N skipped`, by the rules of ../summary.py. The exit status is 0 if something passed and nothing
failed. JOBS=N boots N guests at once; otherwise it is as many as there are CPUs.
"""

import argparse
import concurrent.futures
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import guest
import kernels

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "test"))
import summary  # noqa: E402

DEFAULT = ("5.10", "6.1", "6.12", "6.18", "7.2", "6.1-sparse", "7.2-sparse")
SLOWER = 5  # a guest's time limit is the test's own, so many times: there, code takes 3 to 10 times as long
CONSOLE_LINES = 40


class Shape(NamedTuple):
    cpus: int
    offline: tuple
    words: str


SHAPES = {"": Shape(2, (), "0-1"), "sparse": Shape(4, (1, 3), "0,2 of 0-3")}


class Guest(NamedTuple):
    kernel: kernels.Kernel
    shape: Shape

    def __str__(self):
        return f"{self.kernel.series}, CPUs {self.shape.words}"


class Test(NamedTuple):
    name: str
    command: list
    environment: dict
    take: list  # files
    timeout: float


class Row(NamedTuple):
    guest: Guest
    test: Test
    verdict: summary.Verdict
    seconds: float
    output: str


def introspect(folder, what):
    listing = subprocess.run(["meson", "introspect", what, folder], stdout=subprocess.PIPE, text=True, check=False)
    if listing.returncode:
        raise kernels.Failure(f"{folder} is not a Meson build folder")
    return json.loads(listing.stdout)


def kernel_tests(folder, names, boost_filter):
    built = {target["id"]: target["filename"] for target in introspect(folder, "--targets")}
    tests = []
    for entry in introspect(folder, "--tests"):
        if not any(suite.endswith(":kernel") for suite in entry["suite"]) or (names and entry["name"] not in names):
            continue
        take = [file for target in entry["depends"] for file in built[target]]
        missing = [file for file in take if not os.path.exists(file)]
        if missing:
            raise kernels.Failure(f"{missing[0]} is not built")
        command = entry["cmd"] + ([f"--run_test={boost_filter}"] if boost_filter else [])
        tests.append(Test(entry["name"], command, entry["env"], take, entry["timeout"] * SLOWER))
    if not tests:
        raise kernels.Failure(f"{folder} has no such test in its suite \"kernel\"")
    return tests


def run_one(machine, test):
    start = time.monotonic()
    outcome = guest.run(
        machine.kernel.image,
        test.command,
        modules=machine.kernel.modules,
        cpus=machine.shape.cpus,
        offline=machine.shape.offline,
        take=test.take,
        environment=[f"{name}={value}" for name, value in test.environment.items()],
        timeout=test.timeout,
    )
    output = outcome.output
    if outcome.why:
        console = "".join(outcome.console.splitlines(True)[-CONSOLE_LINES:])
        output += f"\n{outcome.why}; the end of the console:\n{console}"
        verdict = summary.Verdict(summary.Counts(failed=1), outcome.why)
    else:
        result = "OK" if outcome.status == 0 else "FAIL"
        verdict = summary.judge({"stdout": output, "returncode": outcome.status, "result": result})
    return Row(machine, test, verdict, time.monotonic() - start, output)


def guests(names, update):
    wanted = []
    for name in names:
        series, _, shape = name.partition("-")
        if shape not in SHAPES:
            raise kernels.Failure(f"{name}: a guest is a kernel series, or one with -sparse")
        wanted.append((series, SHAPES[shape]))
    images = kernels.get(sorted({series for series, _ in wanted}), update, lambda text: print(f"matrix: {text}"))
    return [Guest(images[series], shape) for series, shape in wanted]


def run_all(machines, tests):
    finished = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count() or 1)) as pool:
        running = [pool.submit(run_one, machine, test) for machine in machines for test in tests]
        try:
            for done in concurrent.futures.as_completed(running):
                row = done.result()
                finished += 1
                state = row.verdict.failure or str(row.verdict.counts)
                print(f"[{finished}/{len(running)}] {row.guest}: {row.test.name}: {state} ({row.seconds:.0f} s)", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in running]


def print_table(rows):
    cells = [("kernel", "CPUs online", "test", "passed", "failed", "skipped", "seconds")]
    for row in rows:
        counts = map(str, row.verdict.counts)
        cells.append((row.guest.kernel.release, row.guest.shape.words, row.test.name, *counts, f"{row.seconds:.0f}"))
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line in cells:
        text = [cell.ljust(width) for cell, width in zip(line[:3], widths)]
        numbers = [cell.rjust(width) for cell, width in zip(line[3:], widths[3:])]
        print("  ".join(text + numbers))


def report(rows):
    failures = []
    skips = {}
    total = summary.Counts()
    for row in rows:
        total += row.verdict.counts
        where = f"{row.guest}: {row.test.name}"
        if row.verdict.failure:
            failures.append(f"{where}: {row.verdict.failure}")
            print(f"\n==== {failures[-1]}\n{row.output.rstrip()}")
        for reason in row.verdict.reasons:
            skips.setdefault(f"{row.test.name}: {reason}", []).append(str(row.guest))
    summary.print_list("skipped", [f"{reason} ({'; '.join(where)})" for reason, where in skips.items()])
    summary.print_list("failed", failures)
    print()
    print_table(rows)
    print(total)
    return 0 if total.passed and not total.failed else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--test", action="append", default=[], metavar="NAME")
    parser.add_argument("--filter", metavar="FILTER")
    parser.add_argument("--folder", default=PROJECT / "build" / "gcc", help="Meson's build folder; build/gcc")
    parser.add_argument("guests", nargs="*", metavar="GUEST")
    asked = parser.parse_args()
    guest.end_with_the_parent()
    try:
        if platform.machine() != "x86_64":
            raise kernels.Failure(f"the kernels are for x86-64, and the tests are built for {platform.machine()}")
        tests = kernel_tests(asked.folder, asked.test, asked.filter)
        return report(run_all(guests(asked.guests or DEFAULT, asked.update), tests))
    except kernels.Failure as failure:
        print(f"matrix: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
