#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows documents.py small documents, right at first and then wrong in every way it must tell.

usage: documents_cases.py DOCUMENTS BPF_CLANG COMPILER...

BPF_CLANG is empty where there is none. The last line printed is `N passed, N failed, N skipped`.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

script, bpf_clang, *compiler = sys.argv[1:]
passed = failed = skipped = 0

# A line of documents.py's own; compilers tell columns, too.
OWN = re.compile(r"(skipped: )?([\w/]+\.md:\d+(, \S+)?: |test/docs/[\w.]+(:\d+)?: no )")
DEV = "#!/bin/sh\necho '  test   runs every test'\necho '  help   this text'\n"
MESON = """project('bpfmap', 'cpp', version: '0.1.0')
meson.override_dependency('bpfmap', declare_dependency(version: meson.project_version()))
import('pkgconfig').generate(name: 'bpfmap', description: 'small', install_dir: get_option('datadir') / 'pkgconfig',
  variables: {'bpf_include_dir': '/nowhere'})
"""


def block(language, text, marker=""):
    return f"{marker and f'<!-- {marker} -->'}\n```{language}\n{text}\n```\n"


def case(what, readme, total, *said, clang=bpf_clang, **files):
    """Runs the script; what it prints must have each of `said`, and nothing else but quotations of compilers."""
    global passed, failed, skipped
    with tempfile.TemporaryDirectory() as folder:
        files = {"README.md": readme, "dev": DEV, "meson.build": MESON, **{
            name.replace("__", "/").replace("_DOT_", "."): text for name, text in files.items()}}
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        Path(folder, "dev").chmod(0o755)
        done = subprocess.run([sys.executable, script, folder, clang, *compiler], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    not_here = [line for line in lines if " is not run: " in line]
    if not_here:
        skipped += 1
        print(f"skipped: {what}: {not_here[0]}")
        return
    wrong = int(re.search(r"(\d+) failed", total)[1])
    right = lines[-1:] == [total] and done.returncode == (1 if wrong else 0) and not done.stderr
    right = right and all(any(line.startswith(each) for line in lines) for each in said)
    # Whatever is said is expected: each failure and each skip has its line.
    named = [line for line in lines[:-1] if OWN.match(line)]
    right = right and all(any(line.startswith(each) for each in said) for line in named)
    passed += right
    failed += not right
    if not right:
        print(f"{what}: status {done.returncode}, wanted:", *said, total, "and got:", done.stdout, done.stderr, sep="\n")


def bpf_case(*arguments, **files):
    global skipped
    if bpf_clang:
        case(*arguments, **files)
    else:
        skipped += 1
        print(f"skipped: {arguments[0]}: no compiler for BPF programs")


GOOD = block("cpp", "int one = 1;")
TWO = dict(test__docs__two_DOT_hpp="extern int two;\n")
AFTER = "compiled after: two.hpp"

# ---- which documents, which blocks ----

case("no document", "", "0 passed, 0 failed, 0 skipped")
case("a right block", GOOD, "1 passed, 0 failed, 0 skipped")
case("a document below", GOOD, "1 passed, 1 failed, 0 skipped", "docs/more.md:2: does not compile",
     docs__more_DOT_md=block("cpp", "int one = two;"))
case("documents that tell of the past, or are hidden", "", "0 passed, 0 failed, 0 skipped",
     CHANGELOG_DOT_md=block("cpp", "int one = two;"), _DOT_hidden__a_DOT_md=block("cpp", "int one = two;"))
case("no language", block("", "x"), "0 passed, 1 failed, 0 skipped", "README.md:2: a block of ''")
case("another language", block("python", "x"), "0 passed, 1 failed, 0 skipped", "README.md:2: a block of 'python'")
case("a block that does not end", "```cpp\nint one;\n", "0 passed, 1 failed, 0 skipped", "README.md:1: this block does not end")
case("text", block("text", "any (text; at { all"), "0 passed, 0 failed, 0 skipped")
case("a longer fence", "````text\n```\n````\n" + GOOD, "1 passed, 0 failed, 0 skipped")

# ---- comments ----

case("a comment without a block", f"<!-- {AFTER} -->\n\nwords\n" + GOOD, "1 passed, 1 failed, 0 skipped",
     "README.md:1: no block follows this comment")
case("a comment at the end", GOOD + f"<!-- {AFTER} -->\n", "1 passed, 1 failed, 0 skipped",
     "README.md:5: no block follows this comment")
case("a comment with another key", block("cpp", "", "compiled aftr: two.hpp"), "0 passed, 1 failed, 0 skipped",
     "README.md:1: not understood: 'aftr: two.hpp'")
case("a comment for another language", block("text", "", AFTER), "0 passed, 1 failed, 0 skipped",
     "README.md:1: a comment that says 'compiled' is not for a block of text")
case("a refusal of nothing", block("cpp", "", "refused after: two.hpp"), "0 passed, 2 failed, 0 skipped",
     "README.md:1: a comment that says 'refused' must say 'saying'", "test/docs/two.hpp: no block needs it", **TWO)
case("a run of nothing", block("cpp", "", "compiled run: ./a.out"), "0 passed, 1 failed, 0 skipped",
     "README.md:1: what is run must have a name")
case("a file that is not there", block("cpp", "", AFTER) + GOOD, "1 passed, 1 failed, 0 skipped",
     "README.md:2: there is no test/docs/two.hpp")
case("a file that nobody needs", GOOD, "1 passed, 1 failed, 0 skipped", "test/docs/two.hpp: no block needs it", **TWO)

# ---- C++ ----

case("names that are declared elsewhere", block("cpp", "#include <vector>\nstd::vector<int> some(two);", AFTER),
     "1 passed, 0 failed, 0 skipped", **TWO)
case("names of another block", block("cpp", "int x = two;", AFTER) + block("cpp", "int y = two;"),
     "1 passed, 1 failed, 0 skipped", "README.md:6: does not compile", **TWO)
case("one broken fragment of three", GOOD + block("cpp", "int one = ;") + GOOD, "2 passed, 1 failed, 0 skipped",
     "README.md:6: does not compile")
case("a program", block("cpp", "#include <cstdio>\nint main() { std::puts(\"x\"); }"), "1 passed, 0 failed, 0 skipped")
case("a broken program", block("cpp", "#include <cstdio>\nint main() { std::put(\"x\"); }"), "0 passed, 1 failed, 0 skipped",
     "README.md:2: does not compile")
case("a header that is not there", block("cpp", "#include <bpfmap/none.hpp>"), "0 passed, 1 failed, 0 skipped",
     "README.md:2: does not compile")
case("statements that are left out", block("cpp", "int some[3] = {};\nfor (int each : some) …\nif (true) …  // so"), "1 passed, 0 failed, 0 skipped")
case("the example of a docstring", block("cpp", "/// Does.\n///\n/// @code\n/// int three = two + 1;\n/// @endcode", AFTER),
     "1 passed, 0 failed, 0 skipped", **TWO)
case("a broken example of a docstring", block("cpp", "/// Does.\n///\n/// @code\n/// int three = too + 1;\n/// @endcode", AFTER),
     "0 passed, 1 failed, 0 skipped", "README.md:2: does not compile", **TWO)

NO = dict(test__docs__no_DOT_hpp='template <int N> struct small { static_assert(N < 9, "nine is too many"); };\n')
REFUSED = "refused saying: nine is too many, after: no.hpp"
case("a refusal", block("cpp", "small<9> x;", REFUSED), "1 passed, 0 failed, 0 skipped", **NO)
case("a refusal that compiles", block("cpp", "small<8> x;", REFUSED), "0 passed, 1 failed, 0 skipped",
     "README.md:2: it compiles, and must not", **NO)
case("a refusal for another reason", block("cpp", "smal<9> x;", REFUSED), "0 passed, 1 failed, 0 skipped",
     "README.md:2: the compiler does not say 'nine is too many'", **NO)
case("a refusal of what it takes for granted", block("cpp", "small<9> x;", REFUSED), "0 passed, 1 failed, 0 skipped",
     "README.md:2: does not compile", test__docs__no_DOT_hpp=NO["test__docs__no_DOT_hpp"] + "small<9> before;\n")

ANSWER = "answer to: small<9> x, after: no.hpp"
case("an answer", block("text", 'error: "nine is too many", it says', ANSWER), "1 passed, 0 failed, 0 skipped", **NO)
case("an answer that is not given", block("text", 'error: "ten is too many", it says', ANSWER), "0 passed, 1 failed, 0 skipped",
     "README.md:2: the compiler does not say 'ten is too many'", **NO)
case("an answer to what compiles", block("text", '"nine is too many"', ANSWER.replace("9", "8")), "0 passed, 1 failed, 0 skipped",
     "README.md:2: it compiles, and must not", **NO)
case("an answer without a quotation", block("text", "nine is too many", ANSWER), "0 passed, 1 failed, 0 skipped",
     "README.md:2: nothing in it is in double quotes", **NO)

# ---- commands ----

case("commands that are run", block("sh", "# so:\n./dev help\n\nc++ \\\n  --version # which") + "or `c++ -v`\n",
     "3 passed, 0 failed, 0 skipped")
case("an unknown command", block("sh", "./dev help\nrm -f nothing"), "1 passed, 1 failed, 0 skipped",
     "README.md:4: 'rm -f nothing' is neither run nor listed")
case("an unknown command in a sentence", "So it is:\n`make\n all` is `make`, `git` is not.\n", "0 passed, 1 failed, 0 skipped",
     "README.md:2: 'make all' is neither run nor listed")
case("an unknown command on the second line", block("sh", "./dev help && \\\n  rm -f nothing"), "0 passed, 1 failed, 0 skipped",
     "README.md:3: './dev help && rm -f nothing' is neither run nor listed")
case("an unknown command within another", block("sh", "c++ --version; rm -f nothing\nc++ $(rm -f nothing) --version\nc++ -v >nothing"),
     "0 passed, 3 failed, 0 skipped", "README.md:3: 'c++ --version; rm -f nothing' is neither run nor listed",
     "README.md:4: 'c++ $(rm -f nothing) --version' is neither", "README.md:5: 'c++ -v >nothing' is neither")
case("a command that fails", block("sh", "c++ --no-such-option"), "0 passed, 1 failed, 0 skipped",
     "README.md:3: status 1 of sh -c 'c++ --no-such-option'")
case("a command that ./dev does not know", block("sh", "./dev tset"), "0 passed, 1 failed, 0 skipped",
     "README.md:3: ./dev does not know 'tset'", test__docs__not_run_DOT_txt="./dev tset # it is slow\n")
case("a command that is not run", block("sh", "./dev test"), "1 passed, 0 failed, 0 skipped",
     test__docs__not_run_DOT_txt="# these:\n./dev test # it is slow\n")
case("a command that is not run, with another option", block("sh", "./dev test --now"), "0 passed, 2 failed, 0 skipped",
     "README.md:3: './dev test --now' is neither run nor listed", "test/docs/not_run.txt: no document has './dev test'",
     test__docs__not_run_DOT_txt="./dev test # it is slow\n")
case("no reason", block("sh", "./dev test"), "1 passed, 1 failed, 0 skipped", "test/docs/not_run.txt:1: no reason",
     test__docs__not_run_DOT_txt="./dev test\n")
case("half a command", block("sh", "echo 'so"), "0 passed, 1 failed, 0 skipped", "README.md:2: not one command a line")

# ---- Meson, and what is installed ----

case("a project that uses it", block("meson", "dependency('bpfmap', version: '>= 0.1')"), "1 passed, 0 failed, 0 skipped")
case("a project that asks for what there is not", block("meson", "dependency('bpfmap', version: '>= 99')"),
     "0 passed, 1 failed, 0 skipped", "README.md:2: status 1 of meson setup")
case("an installed copy", block("sh", "meson setup build && meson install -C build\npkg-config --exists bpfmap"),
     "2 passed, 0 failed, 0 skipped")
case("an installed copy that is not found", block("sh", "meson setup build && meson install -C build\npkg-config --exists bpfmop"),
     "1 passed, 1 failed, 0 skipped", "README.md:4: status 1 of sh -c 'pkg-config --exists bpfmop'")

# ---- a program, run ----

NAMED = "compiled as: tool.cpp, after: two.hpp, run: ./a.out"
SAYS = dict(test__docs__two_DOT_hpp="#include <cstdio>\n#include <cstdlib>\nstatic int two = 2;\n")
BUILD = block("sh", "c++ tool.cpp")
case("a program that is run", block("cpp", "std::printf(\"%d\", two);", NAMED) + BUILD, "3 passed, 0 failed, 0 skipped", **SAYS)
case("a program that fails", block("cpp", "std::printf(\"%d\", two);\nstd::exit(two);", NAMED) + BUILD,
     "2 passed, 1 failed, 0 skipped", "README.md:2, ./a.out: status 2 of ./a.out", **SAYS)
case("a program that prints nothing", block("cpp", "two = 1;", NAMED) + BUILD, "2 passed, 1 failed, 0 skipped",
     "README.md:2, ./a.out: ./a.out printed nothing", **SAYS)
WITHOUT_RUN = NAMED.replace(", run: ./a.out", "")
case("a program that does not compile", block("cpp", "too = 1;", WITHOUT_RUN) + BUILD, "0 passed, 2 failed, 0 skipped",
     "README.md:7: status 1 of sh -c 'c++ tool.cpp'", "README.md:2: 'c++ tool.cpp' failed, above", **SAYS)
case("a program that no command compiles", block("cpp", "two = 1;", WITHOUT_RUN), "0 passed, 1 failed, 0 skipped",
     "README.md:2: no command of README.md compiles tool.cpp", **SAYS)

# ---- C, for BPF ----

COMMAND = block("sh", "clang -target bpf -O2 -g \\\n  -c tool.bpf.c -o tool.bpf.o")
TOOL = "compiled as: tool.bpf.c"
bpf_case("a BPF program", block("c", "static int one = 1;", TOOL) + COMMAND, "2 passed, 0 failed, 0 skipped")
bpf_case("a broken BPF program", block("c", "static int one = ;", TOOL) + COMMAND, "0 passed, 2 failed, 0 skipped",
         "README.md:7: status 1 of sh -c", "README.md:2: 'clang -target bpf")
bpf_case("a BPF program by a broken command", block("c", "static int one = 1;", TOOL) + COMMAND.replace("-g", "-mno-such"),
         "0 passed, 2 failed, 0 skipped", "README.md:7: status 1 of sh -c", "README.md:2: 'clang -target bpf")
bpf_case("more BPF programs, by the same command", block("c", "static int one = 1;", TOOL) + COMMAND + block("c", "int x;") +
         block("c", "int x = ;"), "3 passed, 1 failed, 0 skipped", "README.md:15: does not compile")
bpf_case("BPF programs without a command", block("c", "int x;"), "0 passed, 1 failed, 0 skipped",
         "README.md:2: no document has a command with '-target bpf'")
bpf_case("a BPF program that is refused", block("c", "static int one = 1;", TOOL) + COMMAND +
         block("c", '_Static_assert(1 > 2, "too small");', "refused saying: too small"), "3 passed, 0 failed, 0 skipped")
bpf_case("a BPF program that is not refused", block("c", "static int one = 1;", TOOL) + COMMAND +
         block("c", '_Static_assert(2 > 1, "too small");', "refused saying: too small"), "2 passed, 1 failed, 0 skipped",
         "README.md:11: it compiles, and must not")
case("no compiler for BPF", block("c", "static int one = 1;", TOOL) + COMMAND + block("c", "int x;"), "0 passed, 0 failed, 3 skipped",
     "skipped: README.md:7: no compiler for BPF programs", "skipped: README.md:2: no compiler for BPF programs",
     "skipped: README.md:11: no compiler for BPF programs", clang="")

print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
