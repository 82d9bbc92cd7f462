#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles and runs what the documents show: every code block, and every command.

usage: documents.py SOURCE_ROOT BPF_CLANG COMPILER...
       documents.py SOURCE_ROOT --list

BPF_CLANG is empty where there is none. --list prints the commands, and runs nothing. The documents are all *.md of the
tree but CHANGELOG.md, which tells of the past. Each block says what it is in:

  cpp    is compiled: what has a main() as it is, anything else as the inside of a function. `…` stands for a statement
         that is left out. What @code of a docstring shows is compiled, too.
  c      is compiled for BPF, by the command that a document gives for that
  sh     each line is a command, with its continuation lines
  meson  is part of a project that has bpfmap as a subproject
  text   is for reading only

A comment right before a block, which readers do not see, says more; its parts are separated by commas:

  <!-- compiled after: FILE -->                     the names that the block takes for granted are in test/docs/FILE
  <!-- compiled as: FILE, run: PROGRAM -->          the document's commands compile it, under this name; then, as root,
                                                    the program they make is run: it must print something and succeed
  <!-- refused saying: TEXT, after: FILE -->        it must not compile, and the compiler must say this
  <!-- answer to: CODE, after: FILE -->             a text: all that it has in double quotes is what the compiler says

Commands are what sh blocks have, and what begins with the name of a program and stands in backquotes. They are run in a
copy of the tree, as they are, in the document's order. `meson setup` installs elsewhere than it would; `c++` and `clang`
are the compilers of the build. Those that cannot be run stand in test/docs/not_run.txt, each with the reason.

The last line printed is `N passed, N failed, N skipped`; the exit status is 0 if none failed.
"""

import ctypes
import ctypes.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = set("./dev apt-get bpftool c++ clang clang++ cmake g++ gcc git make meson ninja pkg-config sudo".split())
RUN = ("c++", "clang", "meson", "pkg-config", "uname")
LANGUAGES = ("cpp", "c", "sh", "meson", "text")
# What a comment before a block may say, and what it must.
KEYS = {"compiled": ("after", "as", "run"), "refused": ("saying", "after"), "answer": ("to", "after")}
NEEDED = {"refused": "saying", "answer": "to"}
FITS = {"compiled": ("cpp", "c"), "refused": ("cpp", "c"), "answer": ("text",)}
MARKER = re.compile(r"<!--\s*(compiled|refused|answer)\s+(\w+:.*?)\s*-->", re.DOTALL)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b.*$", re.MULTILINE)
EXAMPLE = re.compile(r"^[ \t]*///[ \t]*@code\n(.*?)^[ \t]*///[ \t]*@endcode", re.MULTILINE | re.DOTALL)
COUNTS = {"passed": 0, "failed": 0, "skipped": 0}


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Block:
    def __init__(self, document, line, language, text, kind, says):
        self.document, self.line, self.language, self.text = document, line, language, text
        self.kind, self.says = kind, says
        self.where = f"{document}:{line}"

    def granted(self):
        """The text of the file that stands before the block."""
        name = self.says.get("after")
        if name is None:
            return ""
        USED.add(name)
        path = EXTRAS / name
        if not path.is_file():
            raise Failed(f"there is no test/docs/{name}")
        return f'#line 1 "test/docs/{name}"\n{path.read_text(encoding="utf-8")}\n'


def case(where, check):
    try:
        check()
        COUNTS["passed"] += 1
    except Skipped as reason:
        COUNTS["skipped"] += 1
        print(f"skipped: {where}: {reason}")
    except (Failed, OSError) as failure:
        COUNTS["failed"] += 1
        print(f"{where}: {failure}")


def fail(where, why):
    COUNTS["failed"] += 1
    print(f"{where}: {why}")


def run(command, folder, seconds=300):
    """The exit status, and all that was printed."""
    try:
        done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"still running after {seconds} s: {command}") from None
    return done.returncode, done.stdout


def succeed(command, folder, seconds=300):
    status, said = run(command, folder, seconds)
    if status != 0:
        raise Failed(f"status {status} of {command if isinstance(command, str) else shlex.join(map(str, command))}\n{said[:4000]}")
    return said


# ---- reading ----


def read_marker(where, language, kind, text):
    keys = KEYS[kind]
    says = {}
    for part in re.split(rf",\s*(?=(?:{'|'.join(keys)}): )", " ".join(text.split())):
        key, _, value = part.partition(": ")
        if key not in keys or not value or key in says:
            return fail(where, f"not understood: '{part}' in a comment that says '{kind}'")
        says[key] = value
    if NEEDED.get(kind, next(iter(says))) not in says:
        return fail(where, f"a comment that says '{kind}' must say '{NEEDED[kind]}'")
    if language not in FITS[kind]:
        return fail(where, f"a comment that says '{kind}' is not for a block of {language}")
    if "run" in says and "as" not in says:
        return fail(where, "what is run must have a name: 'as'")
    return says


def commands_of(block):
    """(line, command) of each; a command goes on where a line ends with a backslash."""
    begun, first = "", 0
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        first = first if begun else number
        begun += line + "\n"
        if line.endswith("\\"):
            continue
        words = shlex.split(begun.replace("\\\n", " "), comments=True)
        if words:
            # A comment ends the line; what is left of it is the command, as it was written.
            yield first, re.sub(r"\s+#.*", "", " ".join(begun.replace("\\\n", " ").split()))
        begun = ""
    if begun:
        yield first, " ".join(begun.split())


def read(document):
    """The blocks of a document, and the commands: (line, command)."""
    blocks, commands, prose, fence, begun = [], [], [], None, 0
    marker = None  # (line, kind, text) of the comment, if nothing has followed it yet

    def end_of_prose():
        nonlocal marker
        text = "\n".join(prose)
        prose.clear()
        line = begun + 1
        for found in MARKER.finditer(text):
            at = line + text.count("\n", 0, found.start())
            if text[found.end():].strip():
                fail(f"{document}:{at}", "no block follows this comment")
            else:
                marker = at, found[1], found[2]
        visible = re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
        for found in re.finditer(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", visible, re.DOTALL):
            words = found[2].split()
            if len(words) > 1 and words[0] in PROGRAMS:
                commands.append((line + visible.count("\n", 0, found.start()), " ".join(words)))

    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if fence is None:
            opening = re.match(r"\s*(`{3,}|~{3,})\s*(.*?)\s*$", line)
            if not opening:
                prose.append(line)
                continue
            end_of_prose()
            fence, language, inside, begun = opening[1], opening[2], [], number
        elif re.match(rf"\s*{fence[0]}{{{len(fence)},}}\s*$", line):
            fence, where = None, f"{document}:{begun}"
            kind, says = "compiled", {}
            if marker is not None:
                kind = marker[1]
                says = read_marker(f"{document}:{marker[0]}", language, kind, marker[2])
                marker = None
            if language not in LANGUAGES:
                fail(where, f"a block of '{language}': it must be of {', '.join(LANGUAGES)}")
            elif says is not None:
                block = Block(document, begun, language, "".join(each + "\n" for each in inside), kind, says)
                blocks.append(block)
                if language == "sh":
                    try:
                        commands.extend(commands_of(block))
                    except ValueError as wrong:
                        fail(where, f"not one command a line: {wrong}")
            begun = number
        else:
            inside.append(line)
    if fence is not None:
        fail(f"{document}:{begun}", "this block does not end")
    end_of_prose()
    if marker is not None:
        fail(f"{document}:{marker[0]}", "no block follows this comment")
    return blocks, sorted(commands)


def read_not_run():
    """The reason for each command."""
    reasons = {}
    path = EXTRAS / "not_run.txt"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        command, _, reason = line.partition(" # ")
        if not reason.strip():
            fail(f"test/docs/not_run.txt:{number}", "no reason; a line is: COMMAND # REASON")
        reasons[" ".join(command.split())] = reason.strip()
    return reasons


# ---- C++ ----


def source(block, code=None, whole=False):
    """(the includes, the rest) of a block, with what it takes for granted; whole: a program of its own."""
    text = block.text if code is None else code
    if block.language != "c":
        text = text.replace("…", "{}")
    before = block.granted()
    includes = [found[0].strip() for part in (text, before) for found in INCLUDE.finditer(part)]
    body, before = (INCLUDE.sub("", part) for part in (text, before))
    examples = "".join(re.sub(r"^[ \t]*///[ \t]?", "", found[1], flags=re.MULTILINE) for found in EXAMPLE.finditer(body))
    body = f'#line {block.line + 1} "{block.document}"\n{body}{examples}'
    if block.language != "c" and not has_main(block):
        body = f"{'int main' if whole else '[[maybe_unused]] static void fragment'}() {{\n{body}}}\n"
    return includes, before + body


def has_main(block):
    return block.language == "cpp" and re.search(r"\bint\s+main\s*\(", block.text) is not None


def unit(parts):
    """A translation unit of some fragments, each in a namespace of its own."""
    includes = dict.fromkeys(include for part in parts for include in part[0])
    spaces = (f"namespace block_{number} {{\n{part[1]}}}\n" for number, part in enumerate(parts))
    return "".join(include + "\n" for include in includes) + "".join(spaces)


def compile_cpp(text):
    path = SCRATCH / "unit.cpp"
    path.write_text(text, encoding="utf-8")
    return run([*COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-I", TREE / "include", *LIBBPF_FLAGS, path], SCRATCH)


def must_compile(text):
    status, said = compile_cpp(text)
    if status != 0:
        raise Failed(f"does not compile\n{said[:4000]}")


def check_cpp(blocks):
    """Blocks of one document, in one translation unit if all is well."""
    parts = []
    for block in blocks:
        try:
            # Of what must not compile, what it takes for granted must.
            parts.append((block, source(block, None if block.kind == "compiled" else "")))
        except Failed as failure:
            fail(block.where, failure)
    fragments = [part for block, part in parts if not has_main(block)]
    together = bool(fragments) and compile_cpp(unit(fragments))[0] == 0
    for block, part in parts:
        if has_main(block) and block.kind == "compiled":
            case(block.where, lambda: must_compile("\n".join([*part[0], part[1]])))
            continue

        def check():
            if not together:
                must_compile(unit([part]))
            if block.kind == "refused":
                must_be_refused(block, block.text, [block.says["saying"]])
            elif block.kind == "answer":
                quoted = [" ".join(each.split()) for each in re.findall(r'"([^"]+)"', block.text)]
                if not quoted:
                    raise Failed("nothing in it is in double quotes")
                must_be_refused(block, block.says["to"] + ";\n", quoted)

        case(block.where, check)


def must_be_refused(block, code, sentences):
    status, said = compile_cpp(unit([source(block, code)]))
    if status == 0:
        raise Failed("it compiles, and must not")
    must_say(said, sentences)


def must_say(said, sentences):
    for sentence in sentences:
        if sentence not in " ".join(said.split()):
            raise Failed(f"the compiler does not say '{sentence}', but\n{said[:4000]}")


# ---- C, for BPF ----


def check_c(block):
    if not BPF_CLANG:
        raise Skipped("no compiler for BPF programs")
    commands = [command for _, command in ALL_COMMANDS if "-target bpf" in command and command not in NOT_RUN]
    found = re.search(r"-c (\S+\.c)\b", commands[0]) if commands else None
    if not found:
        raise Failed("no document has a command with '-target bpf' and '-c FILE.c' to compile it by")
    (SCRATCH / found[1]).write_text(c_source(block), encoding="utf-8")
    status, said = run(["sh", "-c", commands[0]], SCRATCH)
    if block.kind == "refused":
        if status == 0:
            raise Failed("it compiles, and must not")
        must_say(said, [block.says["saying"]])
    elif status != 0:
        raise Failed(f"does not compile by {commands[0]}\n{said[:4000]}")


def c_source(block):
    includes, rest = source(block)
    return "\n".join([*includes, rest])


# ---- Meson ----


def check_meson(block):
    need("meson")
    folder = Path(tempfile.mkdtemp(dir=SCRATCH))
    (folder / "subprojects").mkdir()
    (folder / "subprojects" / "bpfmap").symlink_to(TREE)
    (folder / "subprojects" / "bpfmap.wrap").write_text(
        "[wrap-file]\ndirectory = bpfmap\n\n[provide]\ndependency_names = bpfmap\n", encoding="utf-8")
    (folder / "meson.build").write_text(f"project('user', 'cpp', default_options: 'cpp_std=c++20')\n{block.text}", encoding="utf-8")
    succeed(["meson", "setup", "--force-fallback-for=bpfmap", "build"], folder)


# ---- commands ----


def need(*programs):
    for program in programs:
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            raise Skipped(f"no {program}")


def is_harmless(command):
    """All programs that a command starts are of those that may be run, and nothing is written by the shell."""
    parts = [part.split() for part in re.split(r"&&|[|;&`]|\$\(", command)]
    return ">" not in command and all(
        part and (part[0] in RUN or (part[0] == "./dev" and part[-1] in ("help", "--help"))) for part in parts)


def check_command(command):
    words = shlex.split(command)
    if words[0] == "./dev":
        known = re.findall(r"^  (\w+)\b", succeed(["./dev", "help"], TREE), re.MULTILINE)
        if words[1] not in known:
            raise Failed(f"./dev does not know '{words[1]}'")
    if command in NOT_RUN:
        return
    # Nothing is run unless it is known to do no harm.
    if not is_harmless(command):
        raise Failed(f"'{command}' is neither run nor listed in test/docs/not_run.txt")
    if "clang" in words and not BPF_CLANG:
        raise Skipped("no compiler for BPF programs")
    need(*(word for word in ("meson", "pkg-config") if word in command))
    succeed(["sh", "-c", command], TREE)


def check_named(block, results):
    """A block that the document's commands compile, under its name."""
    users = [command for command in results if block.says["as"] in shlex.split(command)]
    if not users:
        raise Failed(f"no command of {block.document} compiles {block.says['as']}")
    for command in users:
        if isinstance(results[command], Skipped):
            raise results[command]
        if results[command] is not None:
            raise Failed(f"'{command}' failed, above")


def kernel_refuses():
    """Why no BPF program can be run here, if none can."""
    if os.geteuid() != 0:
        return "not root"
    name = ctypes.util.find_library("bpf")
    if name is None:
        return "no libbpf to ask whether BPF maps can be made here"
    bpf_map_type_array = 2
    made = ctypes.CDLL(name).bpf_map_create(bpf_map_type_array, None, 4, 4, 1, None)
    if made < 0:
        return f"creating a BPF map is not possible here: {os.strerror(-made)}"
    os.close(made)
    return None


def check_run(block, results):
    # If a file that the program is made of, or loads, could not be made, that is what is to be said.
    for result in results.values():
        if isinstance(result, Skipped):
            raise result
    refusal = kernel_refuses()
    if refusal:
        raise Skipped(f"{block.says['run']} is not run: {refusal}")
    if not succeed([block.says["run"]], TREE, seconds=60).strip():
        raise Failed(f"{block.says['run']} printed nothing")


def check_document(document, blocks, commands):
    named = [block for block in blocks if "as" in block.says]
    for block in named:
        try:
            includes, rest = source(block, whole=True)
            (TREE / block.says["as"]).write_text("\n".join([*includes, rest]), encoding="utf-8")
        except Failed as failure:
            fail(block.where, failure)
    results = {}  # None, or what went wrong
    for line, command in commands:
        def check():
            results[command] = None
            try:
                check_command(command)
            except (Failed, Skipped) as wrong:
                results[command] = wrong
                raise

        if command not in results:
            case(f"{document}:{line}", check)
    for block in named:
        case(block.where, lambda: check_named(block, results))
        if "run" in block.says:
            case(f"{block.where}, {block.says['run']}", lambda: check_run(block, results))
    check_cpp([block for block in blocks if block not in named and (block.language == "cpp" or block.kind == "answer")])
    for block in blocks:
        if block.language == "c" and block not in named:
            case(block.where, lambda: check_c(block))
        elif block.language == "meson":
            case(block.where, lambda: check_meson(block))


# ---- all of it ----


def is_no_source(folder, name):
    """Build folders, and what begins with a dot."""
    return name.startswith(".") or name == "__pycache__" or Path(folder, name, "meson-private").exists() or (
        Path(folder) == ROOT and name == "build")


def find_documents():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not is_no_source(folder, name))
        for name in sorted(files):
            if name.endswith(".md") and name != "CHANGELOG.md":
                yield str(Path(folder, name).relative_to(ROOT))


def shim(name, script):
    """A program that the commands find under this name."""
    path = SHIMS / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


if len(sys.argv) < 3:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
ROOT = Path(sys.argv[1]).resolve()
EXTRAS = ROOT / "test" / "docs"
USED = set()
DOCUMENTS = {document: read(document) for document in find_documents()}
ALL_COMMANDS = [(f"{document}:{line}", command) for document, (_, commands) in DOCUMENTS.items() for line, command in commands]
NOT_RUN = read_not_run()

if sys.argv[2] == "--list":
    for place, each in ALL_COMMANDS:
        print(f"{place}: {each}")
    sys.exit(0)

BPF_CLANG, COMPILER = sys.argv[2], sys.argv[3:]
for each in sorted(set(NOT_RUN) - {command for _, command in ALL_COMMANDS}):
    fail("test/docs/not_run.txt", f"no document has '{each}'")

with tempfile.TemporaryDirectory() as temporary:
    TOP = Path(temporary).resolve()
    TREE, SCRATCH, SHIMS, PREFIX = (TOP / name for name in ("tree", "scratch", "shims", "prefix"))
    shutil.copytree(ROOT, TREE, symlinks=True,
                    ignore=lambda folder, names: {name for name in names if is_no_source(folder, name)})
    SCRATCH.mkdir()
    SHIMS.mkdir()
    kept = {name: value for name, value in os.environ.items()
            if name not in ("DESTDIR", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH")}
    ENVIRONMENT = {**kept, "LC_ALL": "C.UTF-8", "NO_INSTALL": "1", "CXX": shlex.join(COMPILER),
                   "PATH": f"{SHIMS}:{os.environ['PATH']}",
                   "PKG_CONFIG_PATH": f"{PREFIX}/share/pkgconfig:{os.environ.get('PKG_CONFIG_PATH', '')}"}
    shim("c++", f'exec {shlex.join(COMPILER)} "$@"')
    if BPF_CLANG:
        shim("clang", f'exec {shlex.quote(BPF_CLANG)} "$@"')
    meson = shutil.which("meson")
    if meson:
        shim("meson", f'''if [ "$1" = setup ]; then shift; set -- setup "--prefix={PREFIX}" "$@"; fi
exec {shlex.quote(meson)} "$@"''')
    LIBBPF_FLAGS = []
    if shutil.which("pkg-config"):
        LIBBPF_FLAGS = shlex.split(subprocess.run(["pkg-config", "--cflags", "libbpf"], capture_output=True, text=True,
                                                  check=False).stdout)
    for name, (found_blocks, found_commands) in DOCUMENTS.items():
        check_document(name, found_blocks, found_commands)

if EXTRAS.is_dir():
    for path in sorted(EXTRAS.iterdir()):
        if path.suffix in (".h", ".hpp") and path.name not in USED:
            fail(f"test/docs/{path.name}", "no block needs it")

print(", ".join(f"{count} {what}" for what, count in COUNTS.items()))
sys.exit(1 if COUNTS["failed"] else 0)
