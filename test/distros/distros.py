#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the README's two commands, `./dev demo` and `./dev test`, on other distributions: as if just installed.

usage: distros.py [--only NAME]... [--command demo|test]... [--fresh]

A NAME is 12, 13 or sid: Debian's releases. Each gets a root of its own (debootstrap, minbase, with nothing but git and
ca-certificates in it), a clone of the commit that HEAD is, and this machine's kernel; what the commands need they
install themselves. --fresh makes the roots anew.

The pristine roots, the packages that were downloaded, and the logs of the last run are in $XDG_CACHE_HOME/bpfmap/distros,
~/.cache/bpfmap/distros if that is not set. Packages come from where this machine gets Debian's (DEBIAN_MIRROR, the part
before /debian, says otherwise), or else from where debootstrap does. Mounts are in a namespace that ends with the run;
processes and work copies are removed, also after Ctrl-C. Needs root.

The last lines are a table, a row for each distribution and command, and the total `N passed, N failed, N skipped`, by the
rules of ../summary.py; a demo counts as one case. The exit status is 0 if something passed and nothing failed. JOBS=N:
one root at a time, with N compilers; otherwise there are two CPUs for each root.
"""

import argparse
import concurrent.futures
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "test"), str(PROJECT / "test" / "vm")]
import debian  # noqa: E402
import summary  # noqa: E402

SUITES = {"12": "bookworm", "13": "trixie", "sid": "sid"}
COMMANDS = {"demo": "./dev demo --seconds 2", "test": "./dev test"}
NAMESPACE = ("unshare", "--mount", "--propagation", "private")
LOG_LINES = 60

# In a mount namespace of its own. A new bpffs, so that pins do not meet those of other roots.
ENTER = """
root=$1
mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" && mount --rbind /dev "$root/dev" || exit 125
mount -t bpf bpf "$root/sys/fs/bpf" || exit 125
[ -e "$root/sys/kernel/tracing/events" ] || mount -t tracefs tracefs "$root/sys/kernel/tracing" || exit 125
mount --bind "$2" "$root/var/cache/apt/archives" || exit 125
shift 2
exec chroot "$root" "$@"
"""
# What was found or installed there, a line each; the compilers are those that ./dev takes first.
VERSIONS = """
. /etc/os-release; echo "$PRETTY_NAME"
g++ -dumpfullversion
for clang in /usr/bin/clang++-1[6-9] /usr/bin/clang++-2?; do [ -e "$clang" ] && break; done
"$clang" -dumpversion
pkg-config --modversion libbpf
"""


class Row(NamedTuple):
    system: str
    compilers: str
    libbpf: str
    command: str
    verdict: summary.Verdict
    seconds: float
    log: Path


def say(text):
    print(f"distros: {text}", flush=True)


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode:
        raise debian.Failure(f"{' '.join(map(str, command[:2]))} … ended with status {done.returncode}")


def remove(folder):
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=False)


def kill_session(child):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def kill_all_in(root):
    """Ends every process whose root directory this is, whatever session it is in."""
    if not root.exists():
        return
    wanted = os.stat(root)
    for _ in range(100):  # they may fork while they are looked for
        found = False
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                if os.path.samestat(os.stat(process / "root"), wanted):
                    os.kill(int(process.name), signal.SIGKILL)
                    found = True
            except OSError:
                continue  # it ended
        if not found:
            return
        time.sleep(0.05)


class Roots:
    """The roots of one run."""

    def __init__(self, cache, jobs):
        self.cache, self.jobs = cache, jobs
        self.stopping = False
        self.lock = threading.Lock()
        self.open = set()
        run("git", "-C", PROJECT, "bundle", "create", "-q", cache / "head.bundle", "HEAD")

    def pristine(self, name, fresh):
        """An archive of the root as debootstrap makes it."""
        suite = SUITES[name]
        archive = self.cache / f"{suite}.tar"
        if archive.exists() and not fresh:
            return archive
        if os.environ.get("NO_INSTALL", "0") != "0":
            raise debian.Failure(f"no root of {suite} is cached; without NO_INSTALL it is downloaded into {self.cache}")
        try:
            mirror = [f"{debian.mirror()}/debian"]
        except (debian.Failure, OSError):
            mirror = []  # debootstrap knows one
        say(f"making a root of {suite}")
        scratch = tempfile.mkdtemp(dir=self.cache, prefix="new-")
        try:
            with open(self.cache / f"{suite}-debootstrap.log", "w", encoding="utf-8") as log:
                status = self.end_with(Path(scratch, "root"), [*NAMESPACE, "debootstrap", "--variant=minbase",
                                       "--include=git,ca-certificates", suite, f"{scratch}/root", *mirror], log)
            if status:
                raise debian.Failure(f"debootstrap ended with status {status}: see {log.name}")
            # Like debootstrap: a mirror may stand still. Signatures are checked all the same.
            Path(scratch, "root/etc/apt/apt.conf.d/90mirror").write_text('Acquire::Check-Valid-Until "false";\n')
            run("tar", "--numeric-owner", "-C", f"{scratch}/root", "-cf", f"{scratch}/root.tar", ".")
            os.replace(f"{scratch}/root.tar", archive)
        finally:
            remove(scratch)
        return archive

    def inside(self, root, packages, script, output):
        """The exit status of the script in the root. All that it started has ended then."""
        kept = [f"{name}={value}" for name, value in os.environ.items()
                if name.lower() in ("http_proxy", "https_proxy", "no_proxy", "term")]
        kept += ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]
        kept += [f"JOBS={self.jobs}"] if self.jobs else []
        command = [*NAMESPACE, "sh", "-c", ENTER, "sh", root, packages, "env", "-i", *kept, "sh", "-c", script]
        return self.end_with(root, command, output)

    def end_with(self, root, command, output):
        """The exit status of the command; what it started, there or in its session, has ended then."""
        with self.lock:
            if self.stopping:
                raise debian.Failure("interrupted")
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, start_new_session=True)
            self.open.add(child)
        try:
            return child.wait()
        finally:
            with self.lock:
                self.open.discard(child)
            kill_session(child)
            kill_all_in(root)

    def stop(self):
        with self.lock:
            self.stopping = True
            for child in self.open:
                kill_session(child)

    def try_commands(self, name, commands, archive):
        """A row for each command, all in one root."""
        packages = self.cache / f"{SUITES[name]}-packages"
        (packages / "partial").mkdir(parents=True, exist_ok=True)
        work = tempfile.mkdtemp(dir=self.cache, prefix="run-")
        root = Path(work, "root")
        try:
            root.mkdir()
            run("tar", "--numeric-owner", "-C", root, "-xpf", archive)
            if os.path.exists("/etc/resolv.conf"):
                shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            shutil.copy(self.cache / "head.bundle", root / "tmp/head.bundle")
            cloned = "git clone -q /tmp/head.bundle /root/bpfmap"
            rows = []
            for command in commands:
                log = self.cache / f"{SUITES[name]}-{command}.log"
                start = time.monotonic()
                with open(log, "w", encoding="utf-8") as output:
                    script = f"[ -e /root/bpfmap ] || {cloned} || exit 125; cd /root/bpfmap && exec {COMMANDS[command]}"
                    status = self.inside(root, packages, script, output)
                seconds = time.monotonic() - start
                verdict = judge(command, status, log.read_text(encoding="utf-8", errors="replace"))
                system, compilers, libbpf = self.versions(root, packages, name)
                rows.append(Row(system, compilers, libbpf, command, verdict, seconds, log))
                say(f"{system}: {command}: {verdict.failure or verdict.counts} ({seconds:.0f} s, {log})")
            return rows
        finally:
            remove(work)

    def versions(self, root, packages, name):
        with tempfile.TemporaryFile("w+") as output:
            self.inside(root, packages, f"({VERSIONS}) 2>/dev/null", output)
            output.seek(0)
            lines = output.read().splitlines()
        if len(lines) != 4:
            return f"Debian {name}", "none", "none"
        return lines[0], f"GCC {lines[1]}, clang {lines[2]}", lines[3]


def judge(command, status, text):
    if command == "demo":
        counts = summary.Counts(passed=1) if status == 0 else summary.Counts(failed=1)
        return summary.Verdict(counts, None if status == 0 else f"exit status {status}")
    return summary.judge({"stdout": text, "returncode": status, "result": "OK" if status == 0 else "FAIL"})


def run_all(roots, names, commands, fresh, at_once):
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        # One after the other: they only wait for the network.
        archives = {name: roots.pristine(name, fresh) for name in names}
        running = [pool.submit(roots.try_commands, name, commands, archives[name]) for name in names]
        try:
            concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_EXCEPTION)
            return [row for future in running for row in future.result()]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            roots.stop()  # and the pool waits for what they clean up
            raise


def report(rows):
    total = summary.Counts()
    failures = []
    cells = [("distribution", "compilers", "libbpf", "command", "passed", "failed", "skipped", "seconds")]
    for row in rows:
        total += row.verdict.counts
        if row.verdict.failure:
            failures.append(f"{row.system}: {row.command}: {row.verdict.failure}")
            lines = row.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
            print(f"\n==== {failures[-1]}; the end of {row.log}:", *lines, sep="\n")
        counts = map(str, row.verdict.counts)
        cells.append((row.system, row.compilers, row.libbpf, row.command, *counts, f"{row.seconds:.0f}"))
    summary.print_list("failed", failures)
    print()
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line in cells:
        text = [cell.ljust(width) for cell, width in zip(line[:4], widths)]
        print("  ".join(text + [cell.rjust(width) for cell, width in zip(line[4:], widths[4:])]))
    print(total)
    return 0 if total.passed and not total.failed else 1


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, usage=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=list(SUITES), metavar="NAME")
    parser.add_argument("--command", action="append", choices=list(COMMANDS))
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    for ending in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(ending, interrupted)
    cpus = os.cpu_count() or 1
    names = asked.only or list(SUITES)
    at_once = 1 if os.environ.get("JOBS") else max(1, min(len(names), cpus // 2))
    try:
        if os.geteuid() != 0:
            raise debian.Failure("roots of other distributions need root, as loading BPF programs does")
        cache = debian.cache_folder("distros")
        cache.mkdir(parents=True, exist_ok=True)
        jobs = os.environ.get("JOBS") or (cpus // at_once if at_once > 1 else None)
        roots = Roots(cache, jobs)
        return report(run_all(roots, names, asked.command or list(COMMANDS), asked.fresh, at_once))
    except debian.Failure as failure:
        print(f"distros: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("distros: interrupted; what it started is removed", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
