#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes down what the system's <linux/bpf.h> calls map types and flags, for a C++ program to compare.

usage: kernel_header_names.py OUTPUT COMPILER...

The names depend on the system, so they are looked up when the tests are built; the numbers are left to
the compiler.
"""

import re
import subprocess
import sys
from pathlib import Path

HEADER = "#include <linux/bpf.h>\n"
NAME = re.compile(r"\b(BPF_MAP_TYPE_[A-Z0-9_]+|BPF_F_[A-Z0-9_]+|BPF_(?:ANY|NOEXIST|EXIST))\b\s*(?:=|,|\})")

output, *compiler = sys.argv[1:]
text = subprocess.run([*compiler, "-E", "-x", "c++", "-"], input=HEADER, capture_output=True, text=True,
                      check=True).stdout
names = sorted(set(NAME.findall(text)))
rows = "".join(f'    {{"{name}", static_cast<std::int64_t>({name})}},\n' for name in names)
Path(output).write_text(f"""// Made by kernel_header_names.py.
#include <linux/bpf.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace test {{
inline constexpr std::pair<std::string_view, std::int64_t> kernel_header_names[] = {{
{rows}}};
}}  // namespace test
""", encoding="utf-8")
