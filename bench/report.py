#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run of the benchmarks measured, as JSON and as a Markdown table.

usage: report.py RESULTS README [--write]

RESULTS is a file that ./dev bench --json wrote. Checks that the README shows its table, or with --write
puts it there. The last line says how many cases passed, failed and were skipped.
"""

import json
import sys
from pathlib import Path

BEGIN = "<!-- the benchmarks' table, written by ./dev bench --markdown -->\n"
END = "<!-- end of the benchmarks' table -->\n"
SIDES = ("libbpf", "bpfmap", "peer")


def rounded(value):
    return float(f"{value:.5g}")


def quartiles(counters, name):
    keys = {"median": name, "q1": f"{name}|q1", "q3": f"{name}|q3"}
    return {what: rounded(counters[key]) for what, key in keys.items()}


def question(measured):
    """One question of a file that Google Benchmark wrote: its counters are what rounds.cpp keeps."""
    title, _, unit = measured.get("label", "").partition("|")
    names = [key.removesuffix("|place") for key in measured if key.endswith("|place")]
    names.sort(key=lambda name: measured[f"{name}|place"])
    ours = [name for name in names if measured[f"{name}|side"] == 1]
    name = measured["run_name"].partition("/iterations")[0]
    found = {"name": name, "title": title, "unit": f"ns/{unit}"}
    if measured.get("error_occurred"):
        return found | {"error": measured["error_message"]}
    found |= {"rounds": int(measured["rounds"]), "believed": bool(measured["believed"]), "techniques": [], "targets": []}
    for name in names:
        found["techniques"].append(
            {
                "name": name,
                "side": SIDES[int(measured[f"{name}|side"])],
                "ns": quartiles(measured, name + "|ns"),
                # How many times as long as each of ours, round by round.
                "times": {other: quartiles(measured, f"{name}|{other}") for other in ours if other != name},
            }
        )
    for key in measured:
        if key.startswith("target ") and key.endswith("|met"):
            claim = key[len("target ") : -len("|met")]
            times = rounded(measured[f"target {claim}|times"])
            found["targets"].append({"claim": claim, "times": times, "met": bool(measured[key])})
    return found


def structured(raw, command):
    context = raw["context"]
    hidden = ("host_name", "executable", "caches", "library_build_type")
    machine = {key: value for key, value in context.items() if key not in hidden}
    return {"command": command, "machine": machine, "questions": [question(each) for each in raw["benchmarks"]]}


def digits(value):
    if value >= 1e9:
        return f"{value / 1e9:.3g} G"
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    if value >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def cell(technique, ours, named=False):
    """The time, and how many times that of ours it is, with the quartiles."""
    if not technique:
        return ""
    times = {what: digits(value) for what, value in technique["times"][ours["name"]].items()}
    shown = f"{digits(technique['ns']['median'])} (**{times['median']}×**, {times['q1']}–{times['q3']})"
    return f"{shown} {technique['name']}" if named else shown


def rows(results):
    for each in results["questions"]:
        techniques = each.get("techniques", [])
        libbpf = [one for one in techniques if one["side"] == "libbpf"]
        single = next((one for one in libbpf if "BATCH" not in one["name"]), None)
        batch = next((one for one in libbpf if "BATCH" in one["name"]), None)
        peers = [one for one in techniques if one["side"] == "peer"]
        best_peer = min(peers, key=lambda one: one["ns"]["median"], default=None)
        for ours in techniques:
            if ours["side"] != "bpfmap":
                continue
            noisy = "" if each["believed"] else " (too noisy to be believed)"
            yield (
                each["title"] + noisy,
                each["unit"].partition("/")[2],
                f"{digits(ours['ns']['median'])} {ours['name'].partition(' ')[2]}",
                cell(single, ours),
                cell(batch, ours),
                cell(best_peer, ours, named=True),
            )


def markdown(results):
    machine = results["machine"]
    peers = [machine[key] for key in sorted(machine) if key.startswith("peer ")]
    lines = [
        f"`{results['command']}` on Linux {machine['kernel']}, {machine['cpu']}; libbpf {machine['libbpf'].lstrip('v')}"
        + (f"; peers: {'; '.join(peers)}" if peers else "")
        + ". Median nanoseconds; in brackets how many times ours that is, median and quartiles of the rounds.",
        "",
        "| question | one | bpfmap | libbpf, one by one | libbpf, batch | the best peer |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in rows(results)]
    return "\n".join(lines) + "\n"


def put_into(path, table):
    """Writes the table to its place in the file; a file that has no such place is written anew."""
    path = Path(path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    if begin and END not in rest:
        raise SystemExit(f"{path}: the table's place has no end: {END}")
    path.write_text(before + BEGIN + table + END + after if begin else table, encoding="utf-8")


def main(results, readme, write=""):
    table = markdown(json.loads(Path(results).read_text(encoding="utf-8")))
    if write == "--write":
        put_into(readme, table)
    shown = Path(readme).read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    good = shown == table
    if not good:
        print(f"{readme} does not show the table of {results}: {sys.argv[0]} {results} {readme} --write")
    print(f"{int(good)} passed, {int(not good)} failed, 0 skipped")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
