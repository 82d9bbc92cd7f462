#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the programs that let other libraries do what bpfmap does; README.md beside this file.

usage: build.py FOLDER

Prints the paths of those that it could build; why it could not build the others goes to standard error.
NO_INSTALL=1: nothing is downloaded.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "test" / "vm"))

from debian import Archive, Failure, cache_folder  # noqa: E402

# Where the newest releases of the libraries are. Go's compiler comes along; it needs nothing of the machine.
SUITES = (("debian", "sid"),)
GO = ("golang-go", "golang-github-cilium-ebpf-dev")
GO_FILES = re.compile(r"golang-(github-cilium-ebpf-dev|golang-x-sys-dev|[\d.]+-(go|src))$")
RUST = ("librust-aya-dev", "librust-libbpf-rs-dev")
RUST_FILES = re.compile(r"librust-")
OLDEST_RUST = (1, 85)  # what Debian's crates want


def run(command, **options):
    """Runs it quietly; what it wrote is the reason if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        errors = [line for line in lines if "error" in line] or lines[-1:]
        raise Failure(f"{command[0]}: {errors[0] if errors else f'status {done.returncode}'}")
    return done.stdout.strip()


def packages(name, wanted, kept):
    """A folder with what these packages, and what they need as far as it is `kept`, have."""
    cache = cache_folder("peers")
    tree = cache / name
    if tree.exists():
        return tree
    if os.environ.get("NO_INSTALL", "0") != "0":
        raise Failure(f"not downloaded yet, and NO_INSTALL is set; it would be, into {tree}")
    cache.mkdir(parents=True, exist_ok=True)
    architecture = run(["dpkg", "--print-architecture"]) if shutil.which("dpkg") else "amd64"
    archive = Archive(cache / "apt", SUITES, architecture)
    names = [each for each in archive.needed(*wanted) if kept.match(each)]
    print(f"bench: downloading {len(names)} Debian packages for {name} into {tree}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as scratch:
        archive.download(names, scratch)
        Path(scratch, "tree").rename(tree)
    return tree


def newest(paths, what):
    found = sorted(paths)
    if not found:
        raise Failure(f"there is no {what} in the packages")
    return found[-1]


def build_bcc(folder):
    program = folder / "bcc"
    flags = ["-std=c++20", "-O3", "-isystem", "/usr/include/bcc/compat"]
    run([os.environ.get("CXX", "g++"), *flags, "-o", program, HERE / "bcc" / "main.cpp", "-lbcc", "-lbpf"])
    return program


def build_cilium_ebpf(folder):
    tree = packages("cilium_ebpf", GO, GO_FILES)
    root = newest(tree.glob("usr/lib/go-*"), "Go").resolve()
    package = tree / "usr/share/gocode/src/github.com/cilium/ebpf"
    if not package.is_dir():
        raise Failure(f"there is no {package}")
    changes = tree / "usr/share/doc/golang-github-cilium-ebpf-dev/changelog.Debian.gz"
    version = re.search(r"\(([\d.]+)", run(["zcat", changes])).group(1) if changes.exists() else "of Debian"
    environment = os.environ | {
        "GOROOT": str(root),
        "GOPATH": str(tree / "usr/share/gocode"),
        "GOCACHE": str(folder / "go-cache"),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    program = folder / "cilium_ebpf"
    command = [root / "bin" / "go", "build", "-o", program, "-ldflags", f"-X main.version={version}", "."]
    run(command, cwd=HERE / "cilium_ebpf", env=environment)
    return program


def build_rust(folder, crate):
    if not shutil.which("cargo"):
        raise Failure("there is no cargo")
    compiler = run(["rustc", "--version"])
    if tuple(map(int, compiler.split()[1].split(".")[:2])) < OLDEST_RUST:
        raise Failure(f"{compiler} is too old: {'.'.join(map(str, OLDEST_RUST))} or newer is needed")
    registry = packages("rust", RUST, RUST_FILES) / "usr/share/cargo/registry"
    version = newest(registry.glob(f"{crate}-[0-9]*"), crate).name.removeprefix(f"{crate}-")
    # Cargo writes a lock file beside the sources, and reads its configuration there.
    source = folder / "rust"
    shutil.copytree(HERE / "rust", source, dirs_exist_ok=True)
    (source / ".cargo").mkdir(exist_ok=True)
    (source / ".cargo/config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{registry}"\n', encoding="utf-8"
    )
    # A folder for each, or Cargo builds again what was built for the other.
    target = folder / f"rust-{crate}"
    environment = os.environ | {"PEER_VERSION": version, "PEER_RUSTC": compiler, "CARGO_TARGET_DIR": str(target)}
    chosen = ["--features", crate, "--bin", crate]
    run(["cargo", "build", "--offline", "--release", "--quiet", *chosen], cwd=source, env=environment)
    return target / "release" / crate


PEERS = {
    "BCC": build_bcc,
    "cilium/ebpf": build_cilium_ebpf,
    "aya": lambda folder: build_rust(folder, "aya"),
    "libbpf-rs": lambda folder: build_rust(folder, "libbpf-rs"),
}


def main(folder):
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in PEERS.items():
        try:
            program = build(folder)
            print(f"bench: {name} is built", file=sys.stderr)
            print(program)
        except (Failure, OSError) as failure:
            print(f"bench: {name} is left out: {failure}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
