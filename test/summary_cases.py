#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Feeds summary.py made-up logs and checks what it makes of them."""
import json, os, subprocess, sys, tempfile
SUMMARY = os.path.abspath(sys.argv[1])
def run(folders):
    with tempfile.TemporaryDirectory() as top:
        args = []
        for name, (records, status) in folders.items():
            os.makedirs(f"{top}/{name}/meson-logs")
            if records is not None:
                with open(f"{top}/{name}/meson-logs/testlog.json", "w") as f:
                    for r in records: f.write((r if isinstance(r, str) else json.dumps(r)) + "\n")
            args.append(name if status is None else f"{name}={status}")
        p = subprocess.run([sys.executable, SUMMARY, *args], cwd=top, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        return p.returncode, p.stdout, p.stderr
def t(stdout, code=0, result=None, stderr=None, name="t"):
    result = result or {0: "OK", 77: "SKIP"}.get(code, "FAIL")
    r = dict(name=name, stdout=stdout, returncode=code, result=result, command=["./t"])
    if stderr: r["stderr"] = stderr
    return r
L = "{} passed, {} failed, {} skipped\n".format
bad = 0; n = 0
def case(what, folders, total, status, *needles, absent=()):
    global bad, n
    n += 1
    if not isinstance(folders, dict): folders = {"b": (folders, 0)}
    rc, out, err = run(folders)
    last = out.splitlines()[-1] if out else "<nothing>"
    ok = last == total and rc == status and all(x in out for x in needles) and not any(x in out for x in absent) and not err
    if not ok:
        bad += 1
        print("BAD", what, "| got", last, rc, "| wanted", total, status, "\n", out, err)
case("sum", [t(L(2,0,0)), t("x\n" + L(3,0,0))], "5 passed, 0 failed, 0 skipped", 0)
case("two folders", {"a": ([t(L(2,0,0))], 0), "b": ([t(L(2,0,0))], 0)}, "4 passed, 0 failed, 0 skipped", 0, "a: 2 passed, 0 failed, 0 skipped\nb: 2 passed")
case("failed line, exit 1", [t("boom\n"+L(2,3,0), 1)], "2 passed, 3 failed, 0 skipped", 1, "boom", "t: 3 failed")
case("failed line, exit 0", [t(L(2,3,0), 0)], "2 passed, 3 failed, 0 skipped", 1)
case("failed line and crash", [t(L(2,3,0), -11)], "2 passed, 3 failed, 0 skipped", 1, "SIGSEGV")
case("good line, exit 1", [t(L(9,0,0), 1), t(L(1,0,0))], "1 passed, 1 failed, 0 skipped", 1, "exit status 1, though")
case("good line, crash", [t(L(9,0,0), -6)], "0 passed, 1 failed, 0 skipped", 1, "SIGABRT")
case("shell's crash", [t("", 139)], "0 passed, 1 failed, 0 skipped", 1, "SIGSEGV")
case("good line, timeout", [t(L(9,0,0), -15, "TIMEOUT")], "0 passed, 1 failed, 0 skipped", 1, "timed out")
case("good line, timeout, exit 0", [t(L(9,0,0), 0, "TIMEOUT")], "0 passed, 1 failed, 0 skipped", 1, "timed out")
case("interrupted", [t(L(9,0,0), 0, "INTERRUPT")], "0 passed, 1 failed, 0 skipped", 1, "interrupted")
case("no line", [t("hello\n")], "0 passed, 1 failed, 0 skipped", 1, "not a total")
case("no output", [t("")], "0 passed, 1 failed, 0 skipped", 1)
case("null output", [dict(name="t", returncode=0, result="OK")], "0 passed, 1 failed, 0 skipped", 1)
case("line not last", [t(L(1,0,0) + "bye\n")], "0 passed, 1 failed, 0 skipped", 1)
case("line with more", [t("total: " + L(1,0,0))], "0 passed, 1 failed, 0 skipped", 1)
case("line on stderr", [t("", stderr=L(1,0,0))], "0 passed, 1 failed, 0 skipped", 1)
case("blank lines after", [t(L(1,0,0) + "\n\n")], "1 passed, 0 failed, 0 skipped", 0)
case("coloured", [t("\x1b[1;31mx\x1b[0m\n\x1b[0;39;49m" + L(1,0,0) + "\x1b[0m\n")], "1 passed, 0 failed, 0 skipped", 0)
case("77, no line", [t("skipped: no root\n", 77), t(L(1,0,0))], "1 passed, 0 failed, 1 skipped", 0, "  b: t: no root")
case("77, reason is last words", [t("sorry, no kernel\n", 77), t(L(1,0,0))], "1 passed, 0 failed, 1 skipped", 0, "t: sorry, no kernel")
case("77, silent", [t("", 77), t(L(1,0,0))], "1 passed, 0 failed, 1 skipped", 0, "no reason given")
case("77 with line", [t("skipped: a\n" + L(0,0,4), 77), t(L(1,0,0))], "1 passed, 0 failed, 4 skipped", 0, "t: a", "no reason given for 3")
case("77 but nothing skipped", [t(L(4,0,0), 77)], "0 passed, 1 failed, 0 skipped", 1)
case("77 and failed", [t(L(4,1,0), 77)], "4 passed, 1 failed, 0 skipped", 1)
case("all skipped", [t("skipped: x\n", 77)], "0 passed, 0 failed, 1 skipped", 1)
case("skips in a good test", [t("skipped: x\nskipped: y\n" + L(1,0,2))], "1 passed, 0 failed, 2 skipped", 0, "t: x", "t: y", absent=["no reason"])
case("skip reasons on stderr", [t(L(1,0,1), stderr="skipped: z\n")], "1 passed, 0 failed, 1 skipped", 0, "t: z")
case("unexpected pass", [t(L(1,0,0), 0, "UNEXPECTEDPASS")], "0 passed, 1 failed, 0 skipped", 1, "UNEXPECTEDPASS")
case("error", [t("", 99, "ERROR")], "0 passed, 1 failed, 0 skipped", 1)
case("no log", {"a": ([t(L(1,0,0))], 0), "b": (None, None)}, "1 passed, 1 failed, 0 skipped", 1, "b: no test ran")
case("empty log", [], "0 passed, 1 failed, 0 skipped", 1)
case("torn log", [t(L(1,0,0)), '{"name": "x", "std'], "1 passed, 1 failed, 0 skipped", 1, "line 2")
case("meson died", {"b": ([t(L(1,0,0))], 143)}, "1 passed, 1 failed, 0 skipped", 1, "exited with 143")
case("meson's status explained", {"b": ([t(L(1,2,0), 1)], 1)}, "1 passed, 2 failed, 0 skipped", 1, absent=["log does not say"])
case("case-less", [t(L(0,0,0)), t(L(1,0,0))], "1 passed, 0 failed, 0 skipped", 0, "had no case")
case("nothing but case-less", [t(L(0,0,0))], "0 passed, 0 failed, 0 skipped", 1)
case("not ASCII in a C locale", [t("caf\u00e9 \U0001f600\n" + L(0,1,0), 1)], "0 passed, 1 failed, 0 skipped", 1)
case("torn surrogate", [t("\udcff\n" + L(0,1,0), 1)], "0 passed, 1 failed, 0 skipped", 1)
print(f"{n - bad} passed, {bad} failed, 0 skipped")
sys.exit(bad > 0)
