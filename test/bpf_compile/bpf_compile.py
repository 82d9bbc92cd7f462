#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles and loads all of bpfmap.bpf.h with one version of clang, and shows that it refuses wrong uses.

usage: bpf_compile.py VERSION HEADER EXPECT_ERROR BPFTOOL LOADER FLAG...

every_macro.bpf.c uses every macro and function of HEADER. It is compiled from the system's <linux/bpf.h> and from
the vmlinux.h that BPFTOOL makes of the running kernel's BTF, as several languages and for several BPF processors,
with all warnings as errors; LOADER loads what comes out. The other sources here are wrong uses, for EXPECT_ERROR.
FLAGs are those that BPF programs of this project are compiled with.

The last line printed is `N passed, N failed, N skipped`; the exit status is 0 if none failed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVERY_MACRO = HERE / "every_macro.bpf.c"
WRONG_USES = sorted(path for path in HERE.glob("*.bpf.c") if path != EVERY_MACRO)
# By header, what objects are made for. A vmlinux.h of bpftool's is no C23.
MODES = {
    "linux/bpf.h": (("-mcpu=v2", "-std=gnu11"), ("-mcpu=v3", "-std=gnu11"), ("-mcpu=v3", "-std=gnu2x")),
    "vmlinux.h": (("-mcpu=v3", "-std=gnu11"),),
}
BTF = Path("/sys/kernel/btf/vmlinux")
SKIP = 77

counts = {"passed": 0, "failed": 0, "skipped": 0}


def run(command, errors=subprocess.STDOUT):
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run([str(word) for word in command], env=environment, stdout=subprocess.PIPE,
                          stderr=errors, text=True, errors="replace", check=False)


def verdict(name, failure):
    counts["failed" if failure else "passed"] += 1
    print(f"{name}: {failure}" if failure else f"{name}: passed")


def skip(reason, cases=1):
    counts["skipped"] += cases
    for _ in range(cases):
        print(f"skipped: {reason}")


def is_version(clang, version):
    return re.search(rf"clang version {version}\.", run([clang, "--version"]).stdout) is not None


def find_clang(version):
    for name in f"clang-{version}", "clang", "bpf-clang":
        if (clang := shutil.which(name)) and is_version(clang, version):
            return clang
    return None


def unused_of(header):
    """Public macros and functions of the header that every_macro.bpf.c does not use."""
    text = Path(header).read_text(encoding="utf-8")
    public = set(re.findall(r"^#define ((?:BPFMAP|bpfmap)_[A-Za-z]\w*)\(", text, re.MULTILINE))
    public |= set(re.findall(r"^static \w+ \w+ (bpfmap_[a-z]\w*)\(", text, re.MULTILINE))
    used = set(re.findall(r"\w+", EVERY_MACRO.read_text(encoding="utf-8")))
    return sorted(public - used), len(public)


def raw_declarations(header):
    """Programs of this project that declare a map in libbpf's own form."""
    project = Path(header).parents[1]
    programs = [*project.glob("bpf/*.bpf.c"), *project.glob("examples/*/*.bpf.c")]
    return [path.name for path in programs if "__uint(" in path.read_text(encoding="utf-8")], len(programs)


def compiled(clang, flags, header, output, *more):
    own = ["-DWITH_VMLINUX", "-isystem", output.parent] if header == "vmlinux.h" else []
    done = run([clang, *flags, *own, *more, "-c", EVERY_MACRO, "-o", output])
    return done.stdout if done.returncode or done.stdout else None


def load_case(name, loader, path):
    done = run([loader, path])
    if done.returncode == SKIP:
        skip(f"{name}: {done.stdout.strip()}")
    else:
        verdict(name, done.stdout if done.returncode else None)


def header_cases(clang, flags, header, loader, folder):
    for mode in MODES[header]:
        name = " ".join([header, *mode])
        path = folder / "every_macro.o"
        failure = compiled(clang, flags, header, path, *mode)
        verdict(name, failure)
        if failure:
            verdict(f"{name}, loaded", "there is no object")
        else:
            load_case(f"{name}, loaded", loader, path)


def wrong_uses(clang, flags, expect_error, folder):
    database = folder / "compile_commands.json"
    database.write_text(json.dumps([{"directory": str(folder), "file": str(source),
                                     "arguments": [clang, *flags, "-c", str(source)]} for source in WRONG_USES]),
                        encoding="utf-8")
    done = run([sys.executable, expect_error, database, *WRONG_USES])
    print(done.stdout, end="")
    total = re.search(r"^(\d+) passed, (\d+) failed, 0 skipped$", done.stdout, re.MULTILINE)
    passed, failed = map(int, total.groups()) if total else (0, len(WRONG_USES))
    counts["passed"] += passed
    counts["failed"] += failed


def main(arguments):
    if len(arguments) < 5:
        print(__doc__, file=sys.stderr)
        return 2
    version, header, expect_error, bpftool, loader, *flags = arguments
    unused, public = unused_of(header)
    verdict("all that is public is used", f"not used: {', '.join(unused)}" if unused or public < 40 else None)

    raw, programs = raw_declarations(header)
    verdict("all programs declare maps by it", f"not: {', '.join(raw)}" if raw or programs < 10 else None)

    cases_of = {header: 2 * len(modes) for header, modes in MODES.items()}
    clang = find_clang(version)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if clang is None:
            skip(f"there is no clang {version}", sum(cases_of.values()) + len(WRONG_USES))
        else:
            for name in MODES:
                if name == "vmlinux.h":
                    # What newer ones tell beside it is no C.
                    made = run([bpftool, "btf", "dump", "file", BTF, "format", "c"], errors=subprocess.PIPE)
                    if made.returncode:
                        skip(f"no vmlinux.h can be made of the running kernel: {made.stderr.strip()}", cases_of[name])
                        continue
                    (folder / name).write_text(made.stdout, encoding="utf-8")
                header_cases(clang, flags, name, loader, folder)
            wrong_uses(clang, flags, expect_error, folder)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
