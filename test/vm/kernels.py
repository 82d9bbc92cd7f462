#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kernel images to test on: the newest of each series that Debian ships, from its signed packages.

usage: kernels.py [--update] [--list] SERIES...

Each SERIES (6.1, say) gets a folder in the cache with `vmlinuz`, `release` (the kernel's release and its
package's version) and `modules/`: those that the tests use and that are not built in. A series that is there already is taken as it is, without looking further;
--update looks for newer ones, --list only says what there is to be had.

The cache is $XDG_CACHE_HOME/bpfmap/kernels, ~/.cache/bpfmap/kernels if that is not set. apt checks
signatures and hashes as ever; it works on lists of its own in the cache, so that the machine's own
sources and packages stay as they are. Packages come from where this machine gets Debian's;
DEBIAN_MIRROR (the part before /debian) says otherwise. NO_INSTALL=1: nothing is downloaded.
"""

import argparse
import gzip
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from debian import Archive, Failure, cache_folder

MODULES = ("veth",)  # none of them needs another
SUITES = (
    ("debian-security", "bullseye-security"),  # 5.10
    ("debian-security", "bookworm-security"),  # 6.1, 6.12
    ("debian", "trixie-backports"),  # 6.16 and newer
)


class Kernel(NamedTuple):
    series: str
    image: Path
    modules: tuple  # of paths
    release: str
    version: str  # of the package


class Package(NamedTuple):
    name: str
    version: str
    release: str


class Kernels(Archive):
    """Debian's packages of kernels."""

    def __init__(self):
        super().__init__(cache_folder("kernels") / "apt", SUITES)

    def newest(self):
        """The newest package of each series that holds a kernel image."""
        # From 6.19 on the package linux-image-* is empty, and linux-binary-* has the image.
        stanzas = re.findall(
            r"^Package: (linux-(?:image|binary)-((\d+\.\d+)\.\d+\S*-cloud-amd64))$.*?^Version: (\S+)$",
            self.run("apt-cache", "dumpavail", stdout=subprocess.PIPE),
            re.MULTILINE | re.DOTALL,
        )
        best = {}
        for name, release, series, version in stanzas:
            found = Package(name, version, release)
            old = best.get(series)
            if not old or self.is_better(found, old):
                best[series] = found
        return best

    @staticmethod
    def is_better(found, old):
        if found.version == old.version:
            return found.name.startswith("linux-binary-")
        comparison = ["dpkg", "--compare-versions", found.version, "gt", old.version]
        return subprocess.run(comparison, check=False).returncode == 0

    def unpack(self, package, folder):
        """Downloads the package into the folder, with its modules: the image, and a list of modules."""
        names = [package.name]
        if package.name.startswith("linux-binary-"):
            names.append(f"linux-modules-{package.release}")
        self.download(names, folder)
        return self.find_image(package, folder), [
            path for name in MODULES for path in Path(folder, "tree").rglob(f"{name}.ko*")
        ]

    @staticmethod
    def find_image(package, folder):
        for image in f"boot/vmlinuz-{package.release}", f"usr/lib/modules/{package.release}/vmlinuz":
            if Path(folder, "tree", image).exists():
                return Path(folder, "tree", image)
        raise Failure(f"{package.name} {package.version} holds no kernel image")


def cached(cache, series):
    try:
        release, version = (cache / series / "release").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    image = cache / series / "vmlinuz"
    modules = tuple(cache / series / "modules" / f"{name}.ko" for name in MODULES)
    there = all(path.exists() for path in (image, *modules))
    return Kernel(series, image, modules, release, version) if there else None


def plain(path):
    """The bytes of a module, which may be compressed."""
    opened = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)(path, "rb")
    with opened as file:
        return file.read()


def store(archive, cache, series, package):
    with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as scratch:
        image, modules = archive.unpack(package, scratch)
        fresh = Path(scratch, "fresh")
        (fresh / "modules").mkdir(parents=True)
        for module in modules:
            (fresh / "modules" / module.name.partition(".")[0]).with_suffix(".ko").write_bytes(plain(module))
        shutil.move(image, fresh / "vmlinuz")
        (fresh / "release").write_text(f"{package.release} {package.version}\n", encoding="utf-8")
        shutil.rmtree(cache / series, ignore_errors=True)
        fresh.rename(cache / series)


def get(wanted, update=False, say=print):
    """The kernels of these series, by series; downloads what the cache lacks."""
    cache = cache_folder("kernels")
    cache.mkdir(parents=True, exist_ok=True)
    kernels = {series: cached(cache, series) for series in wanted}
    missing = [series for series, kernel in kernels.items() if not kernel]
    if missing and os.environ.get("NO_INSTALL", "0") != "0":
        raise Failure(f"not cached: {' '.join(missing)}; without NO_INSTALL they are downloaded into {cache}")
    if update or missing:
        archive = Kernels()
        newest = archive.newest()
        for series, kernel in kernels.items():
            package = newest.get(series)
            if not package and not kernel:
                raise Failure(f"no kernel {series} to be had; there are {' '.join(in_order(newest))}")
            if package and (not kernel or (kernel.release, kernel.version) != (package.release, package.version)):
                say(f"downloading Linux {package.release} ({package.version})")
                store(archive, cache, series, package)
                kernels[series] = cached(cache, series)
    return kernels


def in_order(series):
    return sorted(series, key=lambda name: [int(part) for part in name.split(".")])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("series", nargs="*")
    asked = parser.parse_args()
    try:
        if asked.list:
            newest = Kernels().newest()
            for series in in_order(newest):
                print(f"{series:6} {newest[series].release} {newest[series].version}")
        for kernel in get(asked.series, asked.update).values():
            print(f"{kernel.series:6} {kernel.release} {kernel.version} {kernel.image}")
    except Failure as failure:
        sys.exit(f"kernels.py: {failure}")


if __name__ == "__main__":
    main()
