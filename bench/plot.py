#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what ./dev bench measured: an SVG for each question.

usage: plot.py DIR < RESULTS
"""

import json
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "bpfmap"  # the same picture for the same numbers
from matplotlib import pyplot  # noqa: E402

COLOURS = {"bpfmap": "#1b7837", "libbpf": "#5b7fa6"}
OTHERS = "#b0b0b0"  # peers, and ordinary memory


def draw(question, machine, folder):
    techniques = list(reversed(question["techniques"]))
    medians = [each["ns"]["median"] for each in techniques]
    below = [each["ns"]["median"] - each["ns"]["q1"] for each in techniques]
    above = [each["ns"]["q3"] - each["ns"]["median"] for each in techniques]
    figure, axes = pyplot.subplots(figsize=(9, 1.1 + 0.38 * len(techniques)), layout="constrained")
    bars = axes.barh(
        [each["name"] for each in techniques],
        medians,
        color=[COLOURS.get(re.match(r"\w+", each["name"]).group(), OTHERS) for each in techniques],
        xerr=[below, above],
        error_kw={"linewidth": 0.8, "capsize": 2},
    )
    axes.bar_label(bars, labels=[f" {value:,.3g}" if value < 100 else f" {value:,.0f}" for value in medians], padding=4)
    axes.set_xscale("log")
    axes.margins(x=0.12)
    believed = "" if question["believed"] else " (too noisy to be believed)"
    axes.set_title(question["title"] + believed, fontsize=11)
    where = f"Linux {machine['kernel']}, {machine['cpu']}"
    axes.set_xlabel(f"{question['unit']}, median and quartiles, logarithmic; {where}", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / (re.sub(r"\W+", "_", question["name"]) + ".svg"), metadata={"Date": None})
    pyplot.close(figure)


def main(folder):
    results = json.load(sys.stdin)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for question in results["questions"]:
        if question.get("techniques"):
            draw(question, results["machine"], folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
