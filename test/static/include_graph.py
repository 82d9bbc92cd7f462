#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks which way includes run in the library, and how its headers begin.

usage: include_graph.py INCLUDE_DIRECTORY HEADER...

The HEADERs, such as bpfmap/core/cpu.hpp, are in the order of the floors: each includes only what stands
before it, and from its own floor or one below; the rooms of the fourth floor do not include each other.
libbpf comes in by one door, and the lowest floor knows the standard library only. Its functions are called in kernel/, and,
of its objects, in objects/.

The last line printed is `N passed, N failed, N skipped`, counting headers, and as one more case the
list itself; the exit status is 0 if none failed.
"""

import re
import sys
from pathlib import Path

FLOORS = {"core": 1, "kernel": 2, "engine": 3, "maps": 4, "streams": 4, "objects": 4, "": 5}
DOOR = "bpfmap/kernel/sys.hpp"
UMBRELLA = "bpfmap/bpfmap.hpp"
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[ \t]*(.*?)[ \t]*(?://.*)?$", re.MULTILINE)
STANDARD = re.compile(r"[a-z_]+")
CALLERS = ("kernel", "objects")
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')
CALL = re.compile(r"\b((?:bpf|btf|libbpf)_\w*__\w+|(?:bpf_(?:map|prog|link|obj|btf)|libbpf)_\w+)\s*\(")


def room(header):
    """maps, for bpfmap/maps/hash.hpp."""
    return "/".join(header.split("/")[1:-1])


def problems_of_include(header, target, order):
    floor, here = FLOORS[room(header)], room(header)
    if not target.startswith("bpfmap/"):
        if target.startswith("bpf/") and header != DOOR:
            yield f"includes <{target}>: libbpf comes in by {DOOR} only"
        if floor == 1 and not STANDARD.fullmatch(target):
            yield f"includes <{target}>: {here}/ knows the standard library only"
        return
    if target not in order:
        yield f"includes <{target}>, which is not in the list of headers"
        return
    there = room(target)
    if FLOORS.get(there, 0) > floor:
        yield f"includes <{target}> from a floor above its own"
    elif FLOORS.get(there, 0) == floor and there != here:
        yield f"includes <{target}> from another room of its floor"
    elif order.index(target) >= order.index(header):
        yield f"includes <{target}>, which does not stand before it in the list of headers"


def problems_of_header(header, text, order):
    if room(header) not in FLOORS:
        yield f"is in {room(header)}/, a room that no floor has"
        return
    lines = text.splitlines()
    guard = re.sub(r"[/.]", "_", header).upper()
    if lines[:1] != ["// SPDX-License-Identifier: MIT"]:
        yield "does not begin with the line // SPDX-License-Identifier: MIT"
    if lines[1:3] != [f"#ifndef {guard}", f"#define {guard}"] or lines[-1:] != ["#endif"]:
        yield f"has not the guard {guard} around all that follows the first line"
    if "#pragma once" in text:
        yield "has #pragma once, which goes by files and not by headers"
    if not text.endswith("\n"):
        yield "does not end in a line break"

    targets = []
    for written in INCLUDE.findall(text):
        match = re.fullmatch(r"<([^<>]+)>", written)
        if match is None:
            yield f"includes {written}, which is not in angle brackets"
            continue
        targets.append(match[1])
        yield from problems_of_include(header, match[1], order)
    if room(header) not in CALLERS:
        for name in sorted(set(CALL.findall(COMMENT_OR_TEXT.sub("", text)))):
            yield f"calls {name}(), which {' and '.join(CALLERS)} do"
    for target in sorted({target for target in targets if targets.count(target) > 1}):
        yield f"includes <{target}> twice"
    if header == UMBRELLA:
        for missing in (other for other in order if other != UMBRELLA and other not in targets):
            yield f"does not include <{missing}>"
        if targets != [target for target in order if target in targets]:
            yield "does not include in the order of the list of headers"


def problems_of_list(directory, order):
    there = {str(path.relative_to(directory)) for path in Path(directory, "bpfmap").rglob("*.hpp")}
    for header in sorted(there - set(order)):
        yield f"{header} is there and not in the list"
    for header in sorted(set(order) - there):
        yield f"{header} is in the list and not there"
    if len(set(order)) != len(order):
        yield "a header is in the list twice"
    floors = [FLOORS.get(room(header), 0) for header in order]
    if floors != sorted(floors):
        yield "the headers are not in the order of the floors"


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    directory, *order = arguments
    cases = {"the list of headers": problems_of_list(directory, order)}
    for header in order:
        path = Path(directory, header)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        cases[header] = problems_of_header(header, text, order)
    failed = 0
    for case, problems in cases.items():
        problems = list(problems)
        failed += bool(problems)
        for problem in problems:
            print(f"{case}: {problem}")
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
