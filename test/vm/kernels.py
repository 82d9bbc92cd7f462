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

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MODULES = ("veth",)  # none of them needs another
SUITES = (
    ("debian-security", "bullseye-security"),  # 5.10
    ("debian-security", "bookworm-security"),  # 6.1, 6.12
    ("debian", "trixie-backports"),  # 6.16 and newer
)


class Failure(Exception):
    """Said to the user as it is."""


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


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "bpfmap", "kernels")


def run(*command, **options):
    done = subprocess.run(command, text=True, **options)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command[:1] + command[-2:]))} ended with status {done.returncode}")
    return done.stdout


def mirror():
    """Where this machine's apt gets Debian from, without the archive's name."""
    if os.environ.get("DEBIAN_MIRROR"):
        return os.environ["DEBIAN_MIRROR"].rstrip("/")
    for uri in run("apt-get", "indextargets", "--format", "$(REPO_URI)", stdout=subprocess.PIPE).split():
        if uri.rstrip("/").endswith("/debian"):
            return uri.rstrip("/").removesuffix("/debian")
    raise Failure("this machine's apt does not know a Debian mirror: set DEBIAN_MIRROR")


class Archive:
    """Debian's packages, through an apt that keeps to a folder of its own."""

    def __init__(self, folder):
        for tool in "apt-get", "apt-cache", "dpkg", "dpkg-deb":
            if not shutil.which(tool):
                raise Failure(f"kernel images come from Debian's packages, and there is no {tool} here")
        if not os.path.exists(KEYRING):
            raise Failure(f"no {KEYRING} (debian-archive-keyring) to check the packages with")
        for part in "lists/partial", "archives/partial":
            (folder / part).mkdir(parents=True, exist_ok=True)
        base = mirror()
        sources = folder / "sources.list"
        sources.write_text(
            "".join(f"deb [arch=amd64 signed-by={KEYRING}] {base}/{archive} {suite} main\n" for archive, suite in SUITES)
        )
        options = {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": folder,
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "APT::Architecture": "amd64",
            "APT::Update::Error-Mode": "any",
            "APT::Get::AllowUnauthenticated": "false",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        if os.geteuid() == 0:
            options["APT::Sandbox::User"] = "root"  # the cache may be in root's home
        self.options = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        self.run("apt-get", "-qq", "update")

    def run(self, tool, *arguments, **options):
        return run(tool, *self.options, *arguments, **options)

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
        self.run("apt-get", "-q", "download", *names, cwd=folder, stdout=subprocess.DEVNULL)
        for deb in Path(folder).glob("*.deb"):
            run("dpkg-deb", "--extract", deb, Path(folder, "tree"))
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
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    kernels = {series: cached(cache, series) for series in wanted}
    missing = [series for series, kernel in kernels.items() if not kernel]
    if missing and os.environ.get("NO_INSTALL", "0") != "0":
        raise Failure(f"not cached: {' '.join(missing)}; without NO_INSTALL they are downloaded into {cache}")
    if update or missing:
        archive = Archive(cache / "apt")
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
            newest = Archive(cache_folder() / "apt").newest()
            for series in in_order(newest):
                print(f"{series:6} {newest[series].release} {newest[series].version}")
        for kernel in get(asked.series, asked.update).values():
            print(f"{kernel.series:6} {kernel.release} {kernel.version} {kernel.image}")
    except Failure as failure:
        sys.exit(f"kernels.py: {failure}")


if __name__ == "__main__":
    main()
