#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks: ./dev bench. Each question is answered by several techniques in turn, in rounds.

Exit status: 0 all is well; 1 a question failed or a target was missed; 2 wrong usage; 3 too noisy to be
believed.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import report

DEFAULT_SECONDS = 3.0
HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works; judges nothing")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="for each question (3)")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only the questions whose names match")
    parser.add_argument("--json", metavar="FILE", help="write what was measured")
    parser.add_argument("--markdown", metavar="FILE", help="write a table: to its place in FILE, if it has one")
    parser.add_argument("--plot", metavar="DIR", help="draw it: an SVG for each question")
    parser.add_argument("--peers", action="store_true", help="build programs of other libraries, and measure them too")
    parser.add_argument("--bench", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peer", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--plotter", help=argparse.SUPPRESS)  # a Python that has Matplotlib
    parser.add_argument("--cwd", default=".", help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(chosen):
    """Runs the program. What it measured, and its exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "out.json")
        command = [chosen.bench, f"--seconds={chosen.seconds}", f"--benchmark_out={out}", "--benchmark_out_format=json"]
        if chosen.filter:
            command.append(f"--benchmark_filter={chosen.filter}")
        if chosen.quick:
            command.append("--quick")
        command += [f"--peer={program}" for program in chosen.peer]
        # In a session of its own, that it may have a priority of its own.
        status = subprocess.run(command, check=False, start_new_session=True).returncode
        text = out.read_text(encoding="utf-8") if out.exists() else ""
    try:
        return json.loads(text), status
    except ValueError:  # nothing, or not all: the program has said why
        return None, status


def shown_command(chosen):
    """What measures the same again."""
    words = ["./dev", "bench"]
    words += [f"--{flag}" for flag in ("quick", "peers") if getattr(chosen, flag)]
    words += [] if chosen.seconds == DEFAULT_SECONDS else ["--seconds", f"{chosen.seconds:g}"]
    words += ["--filter", chosen.filter] if chosen.filter else []
    return shlex.join(words)


def main():
    chosen = arguments()
    raw, status = measured(chosen)
    if raw is None or not raw.get("benchmarks"):
        print("bench: no question was answered", file=sys.stderr)
        return status or 1
    results = report.structured(raw, shown_command(chosen))
    os.chdir(chosen.cwd)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if chosen.markdown:
        report.put_into(chosen.markdown, report.markdown(results))
    if chosen.plot:
        subprocess.run(
            [chosen.plotter, HERE / "plot.py", chosen.plot], input=json.dumps(results), text=True, check=True
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
