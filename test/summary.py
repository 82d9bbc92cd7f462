#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up the test cases that the tests of some Meson build folders have run.

usage: summary.py FOLDER[=STATUS]...

Reads FOLDER/meson-logs/testlog.json, which `meson test` writes. STATUS is what `meson test` itself
exited with. The last line printed is the total, `N passed, N failed, N skipped`; a case that runs in
two folders counts twice. The exit status is 0 if something passed and nothing failed, else 1.

What a test owes: its last line on stdout is `N passed, N failed, N skipped`, counting its cases, and
for each skipped case it prints a line `skipped: ` and the reason. Instead of all that, it may exit
with 77 and no such last line, which counts as one case skipped.

A test counts as one case failed, and is named, if it prints no such last line; or if it crashes,
times out or exits with non-zero while that line says that nothing failed (77 is in order if the line
says that something was skipped). So does a folder that did not build or that ran no test.
"""

import json
import re
import signal
import sys
from pathlib import Path
from typing import NamedTuple, Optional

TOTAL = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped", re.ASCII)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
REASON = "skipped: "
SKIP = 77


class Counts(NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(*(a + b for a, b in zip(self, other)))

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Verdict(NamedTuple):
    counts: Counts
    failure: Optional[str] = None  # why, if it failed
    reasons: tuple = ()  # why cases were skipped


def written(test, stream):
    return COLOUR.sub("", test.get(stream) or "")


def written_lines(test, stream):
    return [line for line in written(test, stream).splitlines() if line.strip()]


def claimed(test):
    """The total that the test printed, if its last line is one."""
    lines = written_lines(test, "stdout")
    match = TOTAL.fullmatch(lines[-1].rstrip()) if lines else None
    return Counts(*map(int, match.groups())) if match else None


def ending(test):
    """How the test ended, if not with exit status 0 and Meson's blessing."""
    result, status = test.get("result"), test.get("returncode")
    if result == "TIMEOUT":
        return "timed out"
    if result == "INTERRUPT":
        return "interrupted"
    if not isinstance(status, int):
        return f"no exit status, Meson says {result}"
    number = -status if status < 0 else status - 128
    if number > 0 and number in signal.valid_signals():
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:
            return f"killed by signal {number}"
    if status:
        return f"exit status {status}"
    return None if result in ("OK", "SKIP") else f"Meson says {result}"


def skip_reasons(test):
    lines = written_lines(test, "stdout") + written_lines(test, "stderr")
    return [line[len(REASON):].strip() for line in lines if line.startswith(REASON)]


def judge(test):
    counts, ended, reasons = claimed(test), ending(test), skip_reasons(test)
    if counts and counts.failed:
        return Verdict(counts, f"{counts.failed} failed" + (f", {ended}" if ended else ""), reasons)
    if ended == f"exit status {SKIP}" and not counts:
        said = written_lines(test, "stdout") + written_lines(test, "stderr")
        return Verdict(Counts(skipped=1), None, reasons or said[-1:] or ["no reason given"])
    if ended and not (ended == f"exit status {SKIP}" and counts.skipped):
        said = f"though its last line says {counts}" if counts else "without a total as its last line"
        return Verdict(Counts(failed=1), f"{ended}, {said}")
    if not counts:
        return Verdict(Counts(failed=1), "its last line on stdout is not a total")
    unsaid = counts.skipped - len(reasons)
    if unsaid > 0:
        reasons.append(f"no reason given for {unsaid}")
    return Verdict(counts, None, reasons)


def show_output(test):
    print("     ", " ".join(test.get("command") or []))
    for stream in "stdout", "stderr":
        text = written(test, stream)
        print(text, end="" if not text or text.endswith("\n") else "\n")


class Report:
    def __init__(self):
        self.failures = []
        self.skips = []
        self.empty = []

    def fail(self, where, why):
        self.failures.append(f"{where}: {why}")
        return Counts(failed=1)

    def add_test(self, folder, test):
        verdict = judge(test)
        where = f"{folder}: {test.get('name')}"
        if verdict.failure:
            self.failures.append(f"{where}: {verdict.failure}")
            print(f"\n==== {self.failures[-1]}")
            show_output(test)
        elif not any(verdict.counts):
            self.empty.append(where)
        self.skips += [f"{where}: {reason}" for reason in verdict.reasons]
        return verdict.counts

    def add_folder(self, folder, status):
        log = Path(folder, "meson-logs", "testlog.json")
        try:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return self.fail(folder, "no test ran: it did not build, or it has no tests")
        counts = Counts()
        for number, line in enumerate(lines, 1):
            try:
                test = json.loads(line)
            except ValueError:
                counts += self.fail(folder, f"line {number} of its test log cannot be read")
            else:
                counts += self.add_test(folder, test)
        if not lines:
            counts += self.fail(folder, "no test ran")
        if status and not counts.failed:
            counts += self.fail(folder, f"`meson test` exited with {status}, and its log does not say why")
        return counts


def print_list(title, lines):
    if lines:
        print(f"\n{title}:")
        for line in lines:
            print(f"  {line}")


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    sys.stdout.reconfigure(errors="backslashreplace")
    report = Report()
    totals = {}
    for argument in arguments:
        folder, _, status = argument.partition("=")
        totals[folder] = report.add_folder(folder, int(status or 0))
    print_list("skipped", report.skips)
    print_list("ran, and had no case", report.empty)
    print_list("failed", report.failures)
    print()
    for folder, counts in totals.items():
        print(f"{folder}: {counts}")
    total = sum(totals.values(), Counts())
    print(total)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
