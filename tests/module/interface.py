#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints cmake/module/sspan.cppm: the module, which exports each public name of the headers."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2] / "include" / "sspan"
OPENING = re.compile(r"^namespace ([\w:]+(?:::inline SSPAN_API_NAMESPACE[\w:]*)?) \{$")
NAMES = [
    re.compile(r"^(?:class|struct|enum class|enum) (?:\[\[nodiscard\]\] |\[\[nodiscard\(.*\)\]\] )?(\w+)\b(?!;)"),
    re.compile(r"^using (\w+) ="),
    re.compile(r"^concept (\w+) ="),
    re.compile(r"^inline constexpr [\w:<>, ]*?\b(\w+)(?: =|\{|;|<)"),
    re.compile(r"^(?:\[\[nodiscard\]\] )?(?:[\w:<>*&,\[\] ]+ )?[*&]?(operator[^\s(]+|\w+)\("),
]


def names_of(header):
    """Yields (namespace, name) for each public name that the header declares."""
    spaces = []
    special = False
    for line in header.read_text().splitlines():
        if opening := OPENING.match(line):
            spaces.append(opening[1].replace("::inline SSPAN_API_NAMESPACE", ""))
            continue
        if line.startswith("} // namespace"):
            spaces.pop()
            continue
        space = "::".join(spaces)
        if not space.startswith("sspan") or "detail" in space.split("::") or not line[:1].strip():
            continue
        if line.startswith(("//", "#", "}", "template <", "requires")):
            special = line == "template <>"
            continue
        for pattern in NAMES:
            if found := pattern.match(line):
                if not special and found[1] not in ("static_assert", "defined"):
                    yield space, found[1]
                break
        special = False


def main():
    headers = [*ROOT.glob("*.hpp"), *(ROOT / "protocol").glob("*.hpp")]
    spaces = {}
    for header in sorted(headers):
        for space, name in names_of(header):
            spaces.setdefault(space, set()).add(name)
    print("""// SPDX-License-Identifier: MIT
//
// The module sspan: all public names of the headers. tests/module/interface.py has made it.
module;

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>

export module sspan;""")
    for space in sorted(spaces):
        print(f"\nexport namespace {space} {{")
        for name in sorted(spaces[space]):
            print(f"using {space}::{name};")
        print(f"}} // namespace {space}")


if __name__ == "__main__":
    main()
