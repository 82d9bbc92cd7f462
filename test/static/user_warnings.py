#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles a file with every C++ compiler of this machine, in each standard, with each standard library.

usage: user_warnings.py INCLUDE_DIRECTORY SOURCE [FLAG...]
       user_warnings.py --list gcc|clang

The second form prints the warnings, for the build.

Users have the headers in their own search path (-I, not -isystem) and warnings of their own, as errors. What the
compiler of the build makes of each header alone is the build's; this is about the others: every g++ from 12 and clang++
from 16 on that is there. Nothing but syntax and templates is looked at, no code is made.

The last line printed is `N passed, N failed, N skipped`, counting combinations; the exit status is 0 if none failed.
"""

import re
import shutil
import subprocess
import sys

COMMON = """
    -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wdouble-promotion -Wfloat-equal -Wshadow
    -Wold-style-cast -Wzero-as-null-pointer-constant -Wcast-qual -Wextra-semi -Wundef -Wformat=2
    -Wnon-virtual-dtor -Woverloaded-virtual -Wmissing-declarations -Wredundant-decls
""".split()
GXX = "-Wcast-align=strict -Wuseless-cast -Wduplicated-cond -Wlogical-op -Wredundant-tags".split()
# What -Weverything has beyond these is about other standards, about headers as such (vtables), about padding, or about
# pointers as such; -Wswitch-default contradicts -Wcovered-switch-default.
CLANGXX = """
    -Wcast-align -Wcomma -Wctad-maybe-unsupported -Wdocumentation -Wextra-semi-stmt -Wnewline-eof -Wrange-loop-analysis
    -Wreserved-identifier -Wshadow-all -Wundefined-reinterpret-cast -Wunreachable-code-aggressive
    -Wunused-member-function -Wunused-template -Wcovered-switch-default -Wsuggest-override -Wdeprecated
    -Wthread-safety -Wused-but-marked-unused -Wno-unknown-warning-option
""".split()
OLDEST = {"g++": 12, "clang++": 16}
STANDARDS = ["c++20", "c++23", "c++26"]
DRAFTS = {"c++23": "c++2b", "c++26": "c++2c"}  # what compilers call them before they are out


def version_of(program):
    try:
        text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    # g++ (Debian 12.2.0-14) 12.2.0; Debian clang version 16.0.6
    found = re.search(r"clang version (\d+)", text) or re.search(r"\) (\d+)\.", text)
    return int(found[1]) if found else 0


def compilers():
    """(program, family, version), each compiler once, whatever its names."""
    seen = set()
    for family, oldest in OLDEST.items():
        for name in [family, *(f"{family}-{version}" for version in range(oldest, 41))]:
            program = shutil.which(name)
            if program is None:
                continue
            version = version_of(program)
            if version >= oldest and (family, version) not in seen:
                seen.add((family, version))
                yield program, family, version


def succeeds(command, text):
    return subprocess.run([*command, "-fsyntax-only", "-xc++", "-"], input=text, text=True, capture_output=True).returncode == 0


def combinations():
    """(what it is called, command or None, why not)"""
    for program, family, version in compilers():
        libraries = ["libstdc++"] if family == "g++" else ["libstdc++", "libc++"]
        for library in libraries:
            base = [program] + ([f"-stdlib={library}"] if family == "clang++" else [])
            if not succeeds([*base, "-std=c++20"], "#include <ranges>\n"):
                yield f"{family} {version}, {library}", None, f"there is no {library} for {family} {version} here"
                continue
            for standard in STANDARDS:
                name = f"{family} {version}, {library}, {standard}"
                spelt = next((each for each in (standard, DRAFTS.get(standard, standard))
                              if succeeds([*base, f"-std={each}"], "")), None)
                if spelt is None:
                    yield name, None, f"{family} {version} does not know {standard}"
                    continue
                yield name, [*base, f"-std={spelt}", *COMMON, *(GXX if family == "g++" else CLANGXX)], ""


def main():
    if sys.argv[1] == "--list":
        print(*COMMON, *(GXX if sys.argv[2] == "gcc" else CLANGXX))
        return 0
    include, source, *flags = sys.argv[1:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, command, why in combinations():
        if command is None:
            print(f"skipped: {name}: {why}")
            counts["skipped"] += 1
            continue
        run = subprocess.run([*command, *flags, "-I", include, "-fsyntax-only", source], capture_output=True, text=True)
        if run.returncode == 0:
            print(f"passed: {name}")
            counts["passed"] += 1
        else:
            print(f"failed: {name}\n{run.stderr[:4000]}")
            counts["failed"] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 1 if counts["failed"] else 0


sys.exit(main())
