#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that wrong uses are refused, and in words that help.

usage: expect_error.py COMPILE_COMMANDS SOURCE...

Each SOURCE holds a wrong use under `#ifdef BPFMAP_EXPECT_ERROR`, and the nearest right one, the control,
outside of it. It is compiled twice, as far as -fsyntax-only goes, with its command from
COMPILE_COMMANDS:

  as it is                     it must compile
  with -DBPFMAP_EXPECT_ERROR   it must not, and the compiler must say all that these lines expect:

      // expect-error: REGEX

`// errors: N` says that it makes so many errors of it, and no more. `// flags: FLAG...` in the SOURCE adds to both commands, `// wrong-flags: FLAG...` to the second one.
What compilers only quote from the sources is left out: a sentence must be said, not shown.

The last line printed is `N passed, N failed, N skipped`, counting sources; the exit status is 0 if
none failed.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from itertools import takewhile
from pathlib import Path

OUTPUTS = {"-o", "-MF", "-MQ", "-MT"}  # take a value
ALONE = {"-c", "-MD", "-MMD"}


class Wrong(Exception):
    """What is wrong with a source, and the compiler's words about it."""


def directives(text, name):
    return re.findall(rf"^// {name}: *(\S.*?) *$", text, re.MULTILINE)


def flags(text, name):
    return [flag for line in directives(text, name) for flag in shlex.split(line)]


def run(command, directory):
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True,
                          errors="replace", check=False)


def command_of(source, database):
    """The command that compiles it, but for the files that this reads and writes."""
    path = os.path.realpath(source)
    for entry in json.loads(Path(database).read_text(encoding="utf-8")):
        if os.path.realpath(os.path.join(entry["directory"], entry["file"])) == path:
            break
    else:
        raise Wrong(f"{database} has no command for it")
    kept = []
    arguments = iter(entry.get("arguments") or shlex.split(entry["command"]))
    for argument in arguments:
        if argument in OUTPUTS:
            next(arguments, None)
        elif argument not in ALONE and argument != entry["file"]:
            kept.append(argument)
    return kept, entry["directory"]


def terse(command):
    """Check only, and say it plainly: no colours, no quotes from the sources."""
    compiler = list(takewhile(lambda argument: not argument.startswith("-"), command))  # and ccache
    is_clang = "clang" in run([*compiler, "--version"], None).stdout
    return ["-fsyntax-only", "-fdiagnostics-color=never",
            "-fno-caret-diagnostics" if is_clang else "-fno-diagnostics-show-caret"]


def precompiled(command, own, directory, folder):
    """Lets commands with these flags of their own read bpfmap in a tenth of the time, if that can be done."""
    header = Path(folder, re.sub(r"\W", "_", " ".join(["all", *own])) + ".hpp")
    if not header.exists():
        header.write_text("#include <bpfmap/bpfmap.hpp>\n", encoding="utf-8")
        run([*command, *own, "-x", "c++-header", str(header), "-o", f"{header}.gch"], directory)
    return ["-include", str(header)] if Path(f"{header}.gch").exists() else []


def check(source, database, folder):
    text = Path(source).read_text(encoding="utf-8")
    expected = directives(text, "expect-error")
    if not expected:
        raise Wrong("it has no line `// expect-error: REGEX`")
    command, directory = command_of(source, database)
    own, wrong_own = flags(text, "flags"), flags(text, "wrong-flags")
    faster = [] if wrong_own else precompiled(command, own, directory, folder)
    command += [*own, *faster, *terse(command), os.path.realpath(source)]

    control = run(command, directory)
    if control.returncode != 0:
        raise Wrong("the control does not compile", control.stderr)
    wrong = run([*command, *wrong_own, "-DBPFMAP_EXPECT_ERROR"], directory)
    if wrong.returncode == 0:
        raise Wrong("the wrong use compiles")
    unsaid = [regex for regex in expected if not re.search(regex, wrong.stderr)]
    if unsaid:
        raise Wrong(f"the wrong use is refused, but nothing says: {'; '.join(unsaid)}", wrong.stderr)
    errors = len(re.findall(r"^.*\d: (?:fatal )?error: ", wrong.stderr, re.MULTILINE))
    allowed = directives(text, "errors")
    if allowed and errors != int(allowed[0]):
        raise Wrong(f"{errors} errors are made of the wrong use, not {allowed[0]}", wrong.stderr)


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    database, *sources = arguments
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            name = Path(source).stem
            try:
                check(source, database, folder)
                print(f"{name}: refused, and says why")
            except Wrong as wrong:
                failed += 1
                what, *said = wrong.args
                print(f"{name}: {what}", *said, sep="\n")
    print(f"{len(sources) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
