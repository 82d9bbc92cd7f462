#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows expect_error.py sources that are wrong in every way it must tell, and some that are not.

usage: expect_error_cases.py EXPECT_ERROR COMPILER...
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

script, *compiler = sys.argv[1:]
failed = passed = 0

REFUSED = """// expect-error: never that
#ifdef BPFMAP_EXPECT_ERROR
static_assert(false, "never that");
#endif
"""


def run(sources, known=None):
    """What the script makes of these sources, by name, if the database has a command for the known."""
    with tempfile.TemporaryDirectory() as folder:
        database = [{
            "directory": folder,
            "file": f"{name}.cpp",
            "command": f"{' '.join(compiler)} -std=c++20 -Wall -Werror -fdiagnostics-color=always -MD -MQ {name}.o "
                       f"-MF {name}.d -o {name}.o -c {name}.cpp",
        } for name in (sources if known is None else known)]
        Path(folder, "commands.json").write_text(json.dumps(database), encoding="utf-8")
        for name, text in sources.items():
            Path(folder, f"{name}.cpp").write_text(text, encoding="utf-8")
        command = [sys.executable, script, f"{folder}/commands.json", *(f"{folder}/{name}.cpp" for name in sources)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        left = {path.name for path in Path(folder).iterdir()} - {"commands.json", *(f"{n}.cpp" for n in sources)}
    return done.returncode, done.stdout.splitlines(), left


def case(what, sources, status, total, *said, known=None):
    global failed, passed
    if isinstance(sources, str):
        sources = {"source": sources}
    code, lines, left = run(sources, known)
    text = "\n".join(lines)
    right = code == status and lines[-1:] == [total] and all(line in text for line in said) and not left
    passed += right
    failed += not right
    if not right:
        print(f"{what}: status {code}, files left {left}, said:\n{text}")


GOOD = "1 passed, 0 failed, 0 skipped"
BAD = "0 passed, 1 failed, 0 skipped"

case("what_is_refused_in_the_expected_words_passes", REFUSED, 0, GOOD)
case("an_error_that_went_away_fails", REFUSED.replace("static_assert(false", "static_assert(true"), 1, BAD,
     "source: the wrong use compiles")
case("an_error_in_other_words_fails", REFUSED.replace('"never that"', '"something else"'), 1, BAD,
     "source: the wrong use is refused, but nothing says: never that", "something else")
case("a_control_that_does_not_compile_fails", REFUSED + "int control = missing;\n", 1, BAD,
     "source: the control does not compile", "missing")
case("a_control_with_a_warning_fails", REFUSED + "int control() { int unused = 0; return 1; }\n", 1, BAD,
     "source: the control does not compile", "unused")
case("every_expected_line_must_be_said", "// expect-error: nor that\n" + REFUSED, 1, BAD,
     "source: the wrong use is refused, but nothing says: nor that")
case("a_source_that_expects_nothing_fails", REFUSED.replace("expect-error", "expects"), 1, BAD,
     "source: it has no line `// expect-error: REGEX`")
case("a_source_without_a_command_fails", REFUSED, 1, BAD, "has no command for it", known=["another"])
case("words_that_are_only_quoted_do_not_count",
     "// expect-error: never that\n#ifdef BPFMAP_EXPECT_ERROR\nint wrong = missing;  // never that\n#endif\n", 1, BAD,
     "source: the wrong use is refused, but nothing says: never that")
case("expectations_are_regular_expressions", REFUSED.replace("error: never that", r"error: ne\w+ (this|that)$|\bthat"),
     0, GOOD)
case("colours_do_not_come_between",
     "// expect-error: 'missing'\n#ifdef BPFMAP_EXPECT_ERROR\nint wrong = missing;\n#endif\n", 0, GOOD)
case("flags_are_for_both", "// flags: -DNEEDED=1 -fno-exceptions\n" + REFUSED +
     "#ifdef __cpp_exceptions\n#error\n#endif\nint needed = NEEDED;\n", 0, GOOD)
case("wrong_flags_are_for_the_wrong_use_only",
     "// wrong-flags: -DWRONG\n// expect-error: never that\n#ifdef WRONG\n#error never that\n#endif\n", 0, GOOD)
case("as_many_errors_as_are_expected_pass", "// errors: 1\n" + REFUSED, 0, GOOD)
case("errors_beside_those_that_are_expected_fail",
     "// errors: 1\n" + REFUSED.replace("#endif", "int *wrong = 1.5;\n#endif"), 1, BAD,
     "source: 2 errors are made of the wrong use, not 1")
case("each_source_is_a_case", {"good": REFUSED, "bad": REFUSED.replace("(false", "(true"), "too": REFUSED}, 1,
     "2 passed, 1 failed, 0 skipped", "bad: the wrong use compiles")

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
