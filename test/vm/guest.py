#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command on another kernel and CPU topology, in QEMU without hardware virtualization.

usage: guest.py --kernel IMAGE [--module FILE]... [--cpus N] [--offline LIST] [--take PATH]... -- COMMAND [ARG...]

The command runs as root in an initramfs that holds each --take (at the same path as here), the shared
libraries of its programs, and busybox's tools; proc, sysfs, bpffs, tracefs and cgroup v2 are mounted.
Its output (stdout and stderr together) and its exit status are passed on. Status 124: it ran past
--timeout. 125: no status came back (a panic or an oops, say), and the end of the console is on stderr.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

TIMED_OUT = 124
NO_STATUS = 125

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=dumb
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
mount -t bpf none /sys/fs/bpf
mount -t tracefs none /sys/kernel/tracing
mount -t cgroup2 none /sys/fs/cgroup
for module in {modules}; do insmod $module; done
ip link set lo up
stty -F /dev/ttyS1 raw -echo
for cpu in {offline}; do echo 0 >/sys/devices/system/cpu/cpu$cpu/online; done
( exec env {environment} {command} ) </dev/null >/dev/ttyS1 2>&1
echo status $? >/dev/ttyS2
poweroff -f
"""


class Outcome(NamedTuple):
    status: int
    output: str
    console: str
    why: str  # no exit status came back; empty otherwise


class Initramfs:
    """An archive in cpio's "newc" format, which the kernel unpacks into its first file system."""

    def __init__(self, path):
        self.file = open(path, "wb")  # closed by finish()
        self.names = set()
        self.size = 0

    def entry(self, name, mode, data=b"", device=(0, 0)):
        parent = os.path.dirname(name)
        if parent and parent not in self.names:
            self.entry(parent, stat.S_IFDIR | 0o755)
        self.names.add(name)
        encoded = name.encode() + b"\0"
        fields = (len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self.size += self.file.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def add(self, path, name=None):
        """A file, link or folder of this machine, and the shared libraries of every program in it."""
        name = (name or str(path)).strip("/")
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            if name not in self.names:
                self.entry(name, mode)
            for inside in sorted(os.listdir(path)):
                self.add(f"{path}/{inside}", f"{name}/{inside}")
        elif name in self.names:
            pass
        elif stat.S_ISLNK(mode):
            self.entry(name, mode, os.readlink(path).encode())
        elif stat.S_ISREG(mode):
            data = Path(path).read_bytes()
            self.entry(name, mode, data)
            is_program = data[:4] == b"\x7fELF" and data[16:17] in (b"\2", b"\3")  # ET_EXEC, ET_DYN
            if is_program and mode & 0o111:
                self.add_libraries(path)

    def add_libraries(self, program):
        # ldd fails for a static program, which needs none.
        listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", listing):
            self.add(os.path.realpath(library), os.path.normpath(library))

    def finish(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()


def pack(path, take, init):
    """Writes the initramfs; its size in MiB."""
    archive = Initramfs(path)
    for folder, mode in ("proc", 0o555), ("sys", 0o555), ("dev", 0o755), ("root", 0o700), ("tmp", 0o1777):
        archive.entry(folder, stat.S_IFDIR | mode)
    archive.entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add(os.path.realpath(shutil.which("busybox")), "bin/busybox")
    for wanted in take:
        archive.add(os.path.realpath(wanted), os.path.abspath(wanted))
    archive.entry("init", stat.S_IFREG | 0o755, init.encode())
    archive.finish()
    return (archive.size >> 20) + 1


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def run(image, command, *, modules=(), cpus=2, offline=(), take=(), environment=(), timeout=120.0):
    """Boots the kernel, loads the modules and runs the command in it."""
    init = INIT.format(
        offline=" ".join(map(str, offline)),
        modules=shlex.join(map(os.path.abspath, modules)),
        environment=shlex.join(environment),
        command=shlex.join(map(str, command)),
    )
    with tempfile.TemporaryDirectory(prefix="bpfmap-guest-") as name:
        scratch = Path(name)
        memory = 512 + 3 * pack(scratch / "initramfs", (*modules, *take), init)
        # thread=single: QEMU 7.2 with a thread a CPU crashes guests that patch running kernel code.
        # no_timer_check: on a busy machine, the timer may come too late for the kernel's check at boot.
        # oops=panic: an oops must not pass for a success. lsm=bpf: Debian's 5.10 leaves it out otherwise.
        arguments = [os.environ.get("QEMU", "qemu-system-x86_64")]
        arguments += ["-accel", "tcg,thread=single", "-cpu", "max", "-smp", str(cpus), "-m", str(memory)]
        arguments += ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
        for port in "console", "output", "status":
            arguments += ["-serial", f"file:{scratch / port}"]
        arguments += ["-kernel", str(image), "-initrd", str(scratch / "initramfs"), "-append"]
        arguments += ["console=ttyS0 quiet panic=-1 oops=panic no_timer_check cryptomgr.notests lsm=bpf"]
        try:
            done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout, check=False)
            status = NO_STATUS
            why = f"no exit status came back, QEMU ended with {done.returncode} {done.stderr.decode(errors='replace')}"
        except subprocess.TimeoutExpired:  # and QEMU is gone
            status = TIMED_OUT
            why = f"timed out after {timeout:g} s"
        said = re.fullmatch(r"status (\d+)\s*", text_of(scratch / "status"))
        if said:
            status, why = int(said[1]), ""
        return Outcome(status, text_of(scratch / "output"), text_of(scratch / "console"), why.strip())


def cpu_list(text):
    """The CPUs of a list such as 1,3-5."""
    cpus = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def end_with_the_parent():
    """Makes the signals that end this process clean up too: QEMU and the temporary files go with it."""
    for number in signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda received, _: sys.exit(128 + received))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kernel", required=True, metavar="IMAGE")
    parser.add_argument("--module", action="append", default=[], metavar="FILE", help="a module to load")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--offline", type=cpu_list, default=[], metavar="LIST", help="e.g. 1,3-4; never 0")
    parser.add_argument("--take", action="append", default=[], metavar="PATH", help="a file or folder to take along")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--timeout", type=float, default=120, help="seconds, boot included")
    parser.add_argument("--console", action="store_true", help="show all of the console on stderr")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    end_with_the_parent()
    outcome = run(
        asked.kernel,
        asked.command,
        modules=asked.module,
        cpus=asked.cpus,
        offline=asked.offline,
        take=asked.take,
        environment=asked.env,
        timeout=asked.timeout,
    )
    sys.stdout.write(outcome.output)
    if asked.console or outcome.why:
        sys.stderr.write("".join(outcome.console.splitlines(True)[0 if asked.console else -40 :]))
    if outcome.why:
        print(f"guest.py: {outcome.why}", file=sys.stderr)
    sys.exit(outcome.status)


if __name__ == "__main__":
    main()
