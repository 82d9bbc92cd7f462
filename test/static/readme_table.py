#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the README shows the table of traits as it is.

usage: readme_table.py MAP_TABLE README [--write]

MAP_TABLE is the program that prints the table; --write puts what it prints into the README. The last
line says how many cases passed, failed and were skipped.
"""

import subprocess
import sys
from pathlib import Path

BEGIN = "<!-- printed by test/static/map_table.cpp -->\n"
END = "<!-- end of the printed table -->\n"


def main(program, readme, write=""):
    printed = subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout.decode()
    text = Path(readme).read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    shown, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{readme} has no place for the table: the lines {BEGIN}and {END}")
    elif write == "--write":
        Path(readme).write_text(before + begin + printed + end + after, encoding="utf-8")
        shown = printed
    elif shown != printed:
        print(f"the table in {readme} is not that of core/map_traits.hpp: {sys.argv[0]} {program} {readme} --write")
    good = bool(end) and shown == printed and printed.count("\n") > 2
    print(f"{int(good)} passed, {int(not good)} failed, 0 skipped")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
