#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows include_graph.py a small library, right at first and then wrong in every way it must tell.

usage: include_graph_cases.py INCLUDE_GRAPH
"""

import subprocess
import sys
import tempfile
from pathlib import Path

script = sys.argv[1]
passed = failed = 0

LIBRARY = {
    "bpfmap/core/types.hpp": ["<cstdint>"],
    "bpfmap/core/error.hpp": ["<string>", "<bpfmap/core/types.hpp>"],
    "bpfmap/kernel/sys.hpp": ["<bpf/bpf.h>", "<unistd.h>", "<bpfmap/core/types.hpp>"],
    "bpfmap/engine/walk.hpp": ["<bpfmap/core/error.hpp>", "<bpfmap/kernel/sys.hpp>"],
    "bpfmap/maps/array.hpp": ["<bpfmap/engine/walk.hpp>"],
    "bpfmap/maps/hash.hpp": ["<bpfmap/engine/walk.hpp>", "<bpfmap/maps/array.hpp>"],
    "bpfmap/streams/ring.hpp": ["<bpfmap/kernel/sys.hpp>"],
}
LIBRARY["bpfmap/bpfmap.hpp"] = [f"<{header}>" for header in LIBRARY]


def text_of(header, includes):
    guard = header.upper().replace("/", "_").replace(".", "_")
    lines = "".join(f"#include {include}\n" for include in includes)
    return f"// SPDX-License-Identifier: MIT\n#ifndef {guard}\n#define {guard}\n\n{lines}\n#endif\n"


def case(what, *said, order=None, changes=None, texts=None, missing=()):
    """Runs the script over the library with other includes or texts of some headers."""
    global passed, failed
    files = {header: text_of(header, includes) for header, includes in {**LIBRARY, **(changes or {})}.items()}
    files.update(texts or {})
    with tempfile.TemporaryDirectory() as folder:
        for header, text in files.items():
            if header not in missing:
                path = Path(folder, header)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, script, folder, *(order or LIBRARY)], capture_output=True, text=True,
                              check=False)
    wrong = len({line.split(":")[0] for line in said})
    total = f"{1 + len(order or LIBRARY) - wrong} passed, {wrong} failed, 0 skipped"
    right = done.stdout.splitlines() == [*said, total] and done.returncode == (1 if said else 0)
    passed += right
    failed += not right
    if not right:
        print(f"{what}: status {done.returncode}, wanted:", *said, total, sep="\n")
        print("and got:", done.stdout, done.stderr, sep="\n")


def with_include(header, include):
    return {header: [*LIBRARY[header], include]}


ERROR, WALK, HASH, ARRAY = (f"bpfmap/{name}.hpp" for name in ("core/error", "engine/walk", "maps/hash", "maps/array"))
RING, UMBRELLA = "bpfmap/streams/ring.hpp", "bpfmap/bpfmap.hpp"

case("a_library_in_order_passes")
case("a_call_of_libbpf_outside_of_its_rooms_fails", f"{HASH}: calls bpf_map__fd(), which kernel and objects do",
     texts={HASH: text_of(HASH, LIBRARY[HASH]).replace("\n#endif", 'auto fd = ::bpf_map__fd(map);\n\n#endif')})
case("a_call_of_libbpf_in_a_comment_or_a_text_passes",
     texts={HASH: text_of(HASH, LIBRARY[HASH]).replace("\n#endif", '// bpf_map__fd(map)\nauto x = "bpf_map__fd(map)";\n\n#endif')})
case("an_include_upwards_fails", f"{ERROR}: includes <{WALK}> from a floor above its own",
     changes=with_include(ERROR, f"<{WALK}>"))
case("the_umbrella_is_above_all", f"{HASH}: includes <{UMBRELLA}> from a floor above its own",
     changes=with_include(HASH, f"<{UMBRELLA}>"))
case("an_include_into_another_room_fails", f"{RING}: includes <{HASH}> from another room of its floor",
     changes=with_include(RING, f"<{HASH}>"))
case("an_include_of_a_later_header_fails",
     f"{ARRAY}: includes <{HASH}>, which does not stand before it in the list of headers",
     changes=with_include(ARRAY, f"<{HASH}>"))
case("a_second_door_to_libbpf_fails",
     f"{WALK}: includes <bpf/libbpf.h>: libbpf comes in by bpfmap/kernel/sys.hpp only",
     changes=with_include(WALK, "<bpf/libbpf.h>"))
case("a_system_header_on_the_lowest_floor_fails",
     f"{ERROR}: includes <sys/mman.h>: core/ knows the standard library only",
     changes=with_include(ERROR, "<sys/mman.h>"))
case("a_kernel_header_on_the_lowest_floor_fails",
     f"{ERROR}: includes <linux/bpf.h>: core/ knows the standard library only",
     changes=with_include(ERROR, "<linux/bpf.h>"))
case("quotes_fail", f'{HASH}: includes "array.hpp", which is not in angle brackets',
     changes=with_include(HASH, '"array.hpp"'))
case("an_include_twice_fails", f"{HASH}: includes <{ARRAY}> twice", changes=with_include(HASH, f"<{ARRAY}>"))
case("an_include_of_what_is_not_in_the_list_fails",
     f"{HASH}: includes <bpfmap/maps/hat.hpp>, which is not in the list of headers",
     changes=with_include(HASH, "<bpfmap/maps/hat.hpp>"))
case("an_umbrella_with_a_hole_fails", f"{UMBRELLA}: does not include <{HASH}>",
     changes={UMBRELLA: [i for i in LIBRARY[UMBRELLA] if HASH not in i]})
case("an_umbrella_in_disorder_fails", f"{UMBRELLA}: does not include in the order of the list of headers",
     changes={UMBRELLA: LIBRARY[UMBRELLA][::-1]})

HASH_TEXT = text_of(HASH, LIBRARY[HASH])
case("a_missing_licence_fails", f"{HASH}: does not begin with the line // SPDX-License-Identifier: MIT",
     f"{HASH}: has not the guard BPFMAP_MAPS_HASH_HPP around all that follows the first line",
     texts={HASH: HASH_TEXT.split("\n", 1)[1]})
case("another_headers_guard_fails", f"{HASH}: has not the guard BPFMAP_MAPS_HASH_HPP around all that follows the "
     "first line", texts={HASH: HASH_TEXT.replace("MAPS_HASH", "MAPS_ARRAY")})
case("text_behind_the_guard_fails", f"{HASH}: has not the guard BPFMAP_MAPS_HASH_HPP around all that follows the "
     "first line", texts={HASH: HASH_TEXT + "int outside;\n"})
case("pragma_once_fails", f"{HASH}: has #pragma once, which goes by files and not by headers",
     texts={HASH: HASH_TEXT.replace("\n#endif", "#pragma once\n#endif")})
case("spaces_and_comments_hide_no_include", f"{ERROR}: includes <{WALK}> from a floor above its own",
     texts={ERROR: text_of(ERROR, []).replace("\n\n", f"\n #  include  <{WALK}>  // hidden\n", 1)})

OTHER = "bpfmap/maps/other.hpp"
case("a_header_that_is_not_in_the_list_fails", f"the list of headers: {OTHER} is there and not in the list",
     texts={OTHER: text_of(OTHER, [])})
OLD = "bpfmap/attic/old.hpp"
case("an_unknown_room_fails", "the list of headers: the headers are not in the order of the floors",
     f"{OLD}: is in attic/, a room that no floor has",
     order=[*list(LIBRARY)[:-1], OLD, UMBRELLA], changes=with_include(UMBRELLA, f"<{OLD}>"), texts={OLD: "\n"})

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
