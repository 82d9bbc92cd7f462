# SPDX-License-Identifier: MIT
"""Debian's packages, of other releases than the machine's own too, without installing them.

apt checks signatures and hashes as ever; it works on lists of its own, so that the machine's own sources and packages
stay as they are. Packages come from where this machine gets Debian's; DEBIAN_MIRROR (the part before /debian) says
otherwise.
"""

import os
import shutil
import subprocess
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Failure(Exception):
    """Said to the user as it is."""


def cache_folder(name):
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "bpfmap", name)


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

    def __init__(self, folder, suites, architecture="amd64"):
        for tool in "apt-get", "apt-cache", "dpkg", "dpkg-deb":
            if not shutil.which(tool):
                raise Failure(f"what is missing comes from Debian's packages, and there is no {tool} here")
        if not os.path.exists(KEYRING):
            raise Failure(f"no {KEYRING} (debian-archive-keyring) to check the packages with")
        for part in "lists/partial", "archives/partial":
            (folder / part).mkdir(parents=True, exist_ok=True)
        base = mirror()
        sources = folder / "sources.list"
        origin = f"deb [arch={architecture} signed-by={KEYRING}] {base}"
        sources.write_text("".join(f"{origin}/{archive} {suite} main\n" for archive, suite in suites))
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
            "APT::Architecture": architecture,
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

    def download(self, names, folder):
        """Downloads the packages, and unpacks them into the folder `tree` there."""
        self.run("apt-get", "-q", "download", *names, cwd=folder, stdout=subprocess.DEVNULL)
        for deb in Path(folder).glob("*.deb"):
            run("dpkg-deb", "--extract", deb, Path(folder, "tree"))
            deb.unlink()

    def needed(self, *names):
        """These packages and all that they depend on."""
        steps = self.run("apt-get", "-s", "--no-install-recommends", "install", *names, stdout=subprocess.PIPE)
        return [line.split()[1] for line in steps.splitlines() if line.startswith("Inst ")]
