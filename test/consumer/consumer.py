#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds programs that use bpfmap in the ways that the README offers, in a temporary folder and offline.

usage: consumer.py SOURCE_ROOT CONSUMER_FOLDER BPF_COMPILER COMPILER...

BPF_COMPILER is one argument, its flags included; it is empty where there is none.

By pkg-config from an installed copy, and by Meson as a subproject that a wrap file provides. What a
consumer installs is its own, unless it asks for bpfmap too, and a version that there is not is refused.

The last line printed is `N passed, N failed, N skipped`; the exit status is 0 if none failed.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

COUNTS = {"passed": 0, "failed": 0, "skipped": 0}


class Failed(Exception):
    pass


def expect(holds, what):
    if not holds:
        raise Failed(what)


def case(check):
    """Runs a case at once; its name is the function's."""
    try:
        check()
        COUNTS["passed"] += 1
    except (Failed, OSError) as failure:
        COUNTS["failed"] += 1
        print(f"{check.__name__}: {failure}")


def skip(reason, count):
    COUNTS["skipped"] += count
    for _ in range(count):
        print(f"skipped: {reason}")


def total():
    print(f"{COUNTS['passed']} passed, {COUNTS['failed']} failed, {COUNTS['skipped']} skipped")
    return 1 if COUNTS["failed"] else 0


def run(*command, refused=False, **environment):
    """What the command prints. It must succeed, or must not, if that is what is wanted."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("DESTDIR", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH")}
    command = [str(word) for word in command]
    done = subprocess.run(command, env={**kept, "LC_ALL": "C", "CXX": shlex.join(COMPILER), **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if (done.returncode != 0) != refused:
        raise Failed(f"status {done.returncode} of {shlex.join(command)}\n{done.stdout}")
    return done.stdout


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def is_of_bpfmap(path):
    return path.startswith("include/bpfmap/") or path == "share/pkgconfig/bpfmap.pc"


def not_sources(folder, names):
    """Of a folder, what no release would hold: build folders, and what begins with a dot."""
    return {name for name in names
            if name.startswith(".") or name == "__pycache__" or Path(folder, name, "meson-private").exists()}


def make_project(name, version="'>= 0.1'", wrap=True):
    """A copy of the consumer that asks for this version, with a wrap file and the archive that it names."""
    project = TOP / name
    project.mkdir()
    for source in "main.cpp", "counts.bpf.c", "meson_options.txt":
        shutil.copy(CONSUMER / source, project)
    text = (CONSUMER / "meson.build.in").read_text(encoding="utf-8")
    (project / "meson.build").write_text(text.replace("@VERSION@", version), encoding="utf-8")
    if wrap:
        packages = project / "subprojects" / "packagefiles"
        packages.mkdir(parents=True)
        shutil.copy(ARCHIVE, packages)
        (project / "subprojects" / "bpfmap.wrap").write_text(f"""[wrap-file]
directory = {FOLDER}
source_filename = {ARCHIVE.name}
source_hash = {hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()}

[provide]
dependency_names = bpfmap
""", encoding="utf-8")
    return project


def setup(project, *options, **more):
    build = project / "build"
    return run("meson", "setup", *options, build, project, **more), build


def build_bpf_program(project, *options, **more):
    """Builds the project's BPF program alone."""
    flags = ",".join(BPF_COMPILER)
    said, build = setup(project, f"-Dbpf_compiler={flags}", *options, **more)
    run("meson", "compile", "-C", build, "counts.bpf.o")
    expect(b"hits" in (build / "counts.bpf.o").read_bytes(), "no map in the object")
    return said


if len(sys.argv) < 5:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
SOURCE, CONSUMER, BPF_COMPILER, COMPILER = Path(sys.argv[1]), Path(sys.argv[2]), shlex.split(sys.argv[3]), sys.argv[4:]
CASES = 16
for tool in "meson", "pkg-config":
    if shutil.which(tool) is None:
        skip(f"no {tool}", CASES)
        sys.exit(total())

with tempfile.TemporaryDirectory() as temporary:
    TOP = Path(temporary).resolve()
    FOLDER = "bpfmap-of-today"
    RELEASE = TOP / FOLDER
    ARCHIVE = TOP / f"{FOLDER}.tar.gz"
    PREFIX = TOP / "prefix"
    shutil.copytree(SOURCE, RELEASE, ignore=not_sources)
    with tarfile.open(ARCHIVE, "w:gz") as archive:
        archive.add(RELEASE, FOLDER)
    HEADERS = {f"include/{path}" for path in files_below(RELEASE / "include") if path.endswith(".hpp")}
    BPF_HEADER = "include/bpfmap/bpf/bpfmap.bpf.h"
    PC = {"PKG_CONFIG_PATH": str(PREFIX / "share" / "pkgconfig")}

    # ---- installed, and found by pkg-config ----

    @case
    def installing_puts_all_headers_and_the_pc_file_below_the_prefix():
        _, build = setup(RELEASE, f"--prefix={PREFIX}")
        run("meson", "install", "-C", build)
        installed = files_below(PREFIX)
        missing = (HEADERS | {BPF_HEADER, "share/pkgconfig/bpfmap.pc"}) - installed
        expect(not missing, f"not installed: {sorted(missing)}")
        foreign = [path for path in installed if not is_of_bpfmap(path)]
        expect(not foreign, f"installed elsewhere: {foreign}")
        for header in HEADERS:
            expect((PREFIX / header).read_bytes() == (RELEASE / header).read_bytes(), f"{header} is another")
        expect((PREFIX / BPF_HEADER).read_bytes() == (RELEASE / "bpf" / "bpfmap.bpf.h").read_bytes(),
               "bpfmap.bpf.h is another")

    @case
    def installing_builds_nothing_unless_it_is_asked_for():
        targets = json.loads(run("meson", "introspect", "--targets", RELEASE / "build"))
        expect(not targets, f"{len(targets)} targets are built first: {[target['name'] for target in targets]}")

    @case
    def a_staged_install_leaves_the_prefix_alone():
        elsewhere = TOP / "elsewhere"
        build = TOP / "staged_build"
        run("meson", "setup", f"--prefix={elsewhere}", build, RELEASE)
        run("meson", "install", "-C", build, DESTDIR=str(TOP / "stage"))
        expect(not elsewhere.exists(), "something went to the prefix itself")
        staged = files_below(TOP / "stage" / elsewhere.relative_to("/"))
        expect(staged == files_below(PREFIX), "another set of files than without DESTDIR")

    @case
    def pkg_config_tells_version_include_path_and_libbpf():
        version = run("pkg-config", "--modversion", "bpfmap", **PC).strip()
        expect(f"version: '{version}'" in (RELEASE / "meson.build").read_text(encoding="utf-8"), version)
        expect(f"-I{PREFIX}/include" in run("pkg-config", "--cflags", "bpfmap", **PC), "no include path")
        expect("-lbpf" in run("pkg-config", "--libs", "bpfmap", **PC), "no libbpf")
        expect("libbpf >= 1.0" in run("pkg-config", "--print-requires", "bpfmap", **PC), "not libbpf's version")

    @case
    def a_program_builds_by_pkg_config_and_runs():
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", "bpfmap", **PC))
        program = TOP / "by_pkg_config"
        run(*COMPILER, "-std=c++20", CONSUMER / "main.cpp", "-o", program, *flags)
        expect("lru_hash" in run(program), "it does not say what it should")

    def bpf_include_dir():
        return run("pkg-config", "--variable=bpf_include_dir", "bpfmap", **PC).strip()

    @case
    def pkg_config_tells_where_the_header_for_bpf_programs_is():
        expect(Path(bpf_include_dir()) == (PREFIX / BPF_HEADER).parent, bpf_include_dir())

    @case
    def pkg_config_refuses_a_version_that_there_is_not():
        run("pkg-config", "--exists", "bpfmap >= 0.1", **PC)
        run("pkg-config", "--exists", "bpfmap >= 99", refused=True, **PC)

    @case
    def meson_finds_the_installed_copy():
        said, _ = setup(make_project("installed", wrap=False), **PC)
        expect("Run-time dependency bpfmap found: YES" in said, said)

    @case
    def meson_refuses_an_installed_copy_that_is_too_old():
        said, _ = setup(make_project("installed_too_old", "'>= 99'", wrap=False), refused=True, **PC)
        expect("'>= 99'" in said or ">= 99" in said, said)

    if not BPF_COMPILER:
        skip("no compiler for BPF programs", 3)
    else:
        @case
        def a_bpf_program_compiles_by_pkg_config():
            run(*BPF_COMPILER, "-isystem", bpf_include_dir(), "-c", CONSUMER / "counts.bpf.c",
                "-o", TOP / "counts.bpf.o")

        @case
        def a_bpf_program_compiles_by_meson_with_the_installed_copy():
            said = build_bpf_program(make_project("installed_bpf", wrap=False), **PC)
            expect("Run-time dependency bpfmap found: YES" in said, said)

        @case
        def a_bpf_program_compiles_by_meson_with_bpfmap_as_a_subproject():
            said = build_bpf_program(make_project("wrapped_bpf"), "--force-fallback-for=bpfmap")
            expect("Executing subproject bpfmap" in said.replace(FOLDER, "bpfmap"), said)

    # ---- a subproject, from a wrap file ----

    FALLBACK = ["--force-fallback-for=bpfmap", "-Dwerror=true", "-Dwarning_level=3"]

    @case
    def a_consumer_builds_with_bpfmap_as_a_subproject_and_runs():
        said, build = setup(make_project("wrapped"), *FALLBACK, "--prefix=/usr")
        expect("Executing subproject bpfmap" in said.replace(FOLDER, "bpfmap"), said)
        run("meson", "compile", "-C", build)
        expect("lru_hash" in run(build / "consumer"), "it does not say what it should")
        # Nothing of bpfmap's own is built: no tests, examples or benchmarks.
        objects = [path for path in files_below(build) if path.endswith(".o")]
        expect(len(objects) == 1, f"built besides: {objects}")

    @case
    def what_a_consumer_installs_is_its_own():
        run("meson", "install", "-C", TOP / "wrapped" / "build", DESTDIR=str(TOP / "consumer_stage"))
        installed = files_below(TOP / "consumer_stage")
        expect(installed == {"usr/bin/consumer"}, f"installed: {sorted(installed)}")

    @case
    def a_consumer_that_asks_for_it_installs_bpfmap_too():
        _, build = setup(make_project("library"), *FALLBACK, "-Dbpfmap:install=enabled", "--prefix=/usr")
        run("meson", "install", "-C", build, DESTDIR=str(TOP / "library_stage"))
        installed = files_below(TOP / "library_stage" / "usr")
        expected = HEADERS | {BPF_HEADER, "bin/consumer", "share/pkgconfig/bpfmap.pc"}
        expect(expected <= installed, f"installed: {sorted(installed)}")

    @case
    def a_consumer_that_asks_for_a_version_that_there_is_not_is_refused():
        said, _ = setup(make_project("too_old", "'>= 99'"), *FALLBACK, refused=True)
        expect("bpfmap" in said and ">= 99" in said, said)

assert sum(COUNTS.values()) == CASES
sys.exit(total())
