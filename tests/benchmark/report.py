#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# report.py RESULTS: writes the results of run.sh into docs/performance.md, README.md and docs/pictures/performance.svg.
import math
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
docs = root / "docs"
results = pathlib.Path(sys.argv[1]).read_text().splitlines()


def rows(kind):
    """Returns the text of all lines of one kind."""
    return [line.split(": ", 1)[1] for line in results if line.startswith(kind + ": ")]


def table(head, lines):
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in cells) + "\n"


def bytes_of(size):
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB" if size >= 1 << 10 else f"{size} bytes"


def instructions():
    lines = []
    for row in rows("instructions"):
        name, *numbers = row.split()
        hand, checked, throwing, error_code = map(int, numbers)
        lines.append([f"`{name}`", hand, checked, throwing, error_code, f"{throwing / checked:.2f}"])
    return table(["", "C", "C with the checks", "sspan, throws", "sspan, `error_code`", "sspan to C with the checks"], lines)


messages = [
    (package, name, int(size), int(hand), int(sspan))
    for package, name, size, hand, sspan in (
        re.fullmatch(r"(.+): (.+), (\d+) bytes, hand-written (\d+), sspan (\d+)", row).groups() for row in rows("messages")
    )
]
packages = list(dict.fromkeys(package for package, *_ in messages))


def per_second():
    lines = []
    for package, name, size, hand, sspan in messages:
        speed = sspan * size / 1e6
        by_hand = [f"{hand:,}", f"{sspan:,}", f"{sspan / hand:.3f}"] if hand else ["–", f"{sspan:,}", "–"]
        lines.append([package, name, bytes_of(size), *by_hand, f"{speed:,.0f}"])
    head = ["", "", "size", "C, pairs per second", "sspan, pairs per second", "sspan to C", "sspan, MB per second"]
    return table(head, lines)


def in_short():
    """Returns a part of the table of per_second, for README.md."""
    head = ["", "size", "pairs per second", "sspan to C"]
    return table(head, [[name, bytes_of(size), f"{sspan:,}", f"{sspan / hand:.2f}"]
                        for package, name, size, hand, sspan in messages
                        if package == packages[0] and hand and size in (1 << 10, 16 << 10)])


def handshakes():
    return table(["", "handshakes per second"], [row.rsplit(": ", 1) for row in rows("handshakes")])


def include():
    lines = []
    for row in rows("include"):
        compiler, *times = row.split(", ")
        needed, sspan, *module = (float(time.rsplit(" ", 1)[1]) for time in times)
        lines.append([f"`{compiler}`", needed, sspan, f"{sspan / needed:.2f}", module[0] if module else "–"])
    return table(["", "what it needs, s", "sspan, s", "ratio", "`import sspan;`, s"], lines)


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    version = [subprocess.run([name, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
               for name in ("g++", "x86_64-w64-mingw32-g++-posix", "wine")]
    return f"{cpu}; {'; '.join(version)}.\n"


def picture():
    """Draws the picture. Both axes are logarithmic. It shows the first package, and only sizes that were also measured in C."""
    left, top, width, height = 96, 40, 560, 300
    shown = [m[1:] for m in messages if m[0] == packages[0] and m[3]]
    sizes = sorted({size for _, size, _, _ in shown})
    least, most = (math.floor(math.log10(min(m[3] for m in shown))), math.ceil(math.log10(max(m[3] for m in shown))))
    x = lambda size: left + width * math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0])
    y = lambda rate: top + height * (most - math.log10(rate)) / (most - least)
    svg = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" width="720" height="400" role="img" aria-labelledby="title">',
        "  <!-- SPDX-License-Identifier: MIT -->",
        '  <title id="title">Pairs of messages per second by size, through sspan and by hand in C. The table has the numbers.</title>',
        "  <style>",
        '    text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1c2024; }',
        "    .line { fill: none; stroke-width: 2.5; } .grid { stroke: #d0d7de; }",
        "    .one { stroke: #0b5cad; } .other { stroke: #a5640c; } .mark { fill: #ffffff; stroke-width: 2; }",
        "    @media (prefers-color-scheme: dark) {",
        "      text { fill: #e3e7ea; } .grid { stroke: #3a424a; } .mark { fill: #14181b; }",
        "      .one { stroke: #7ab8ff; } .other { stroke: #e0ab6f; }",
        "    }",
        "  </style>",
        '  <text x="16" y="22">pairs per second; lines: sspan, circles: by hand in C</text>',
    ]
    for power in range(least, most + 1):
        at = y(10**power)
        svg.append(f'  <path class="grid" d="M{left} {at:.0f}H{left + width}"/>')
        svg.append(f'  <text x="{left - 10}" y="{at + 4:.0f}" text-anchor="end">{10**power:,}</text>')
    for size in sizes:
        svg.append(f'  <text x="{x(size):.0f}" y="{top + height + 24}" text-anchor="middle">{bytes_of(size)}</text>')
    for name, style, below in zip(dict.fromkeys(m[0] for m in shown), ("one", "other"), (-10, 38)):
        of = [m for m in shown if m[0] == name]
        line = "L".join(f"{x(size):.0f} {y(rate):.1f}" for _, size, _, rate in of)
        svg.append(f'  <path class="line {style}" d="M{line}"/>')
        for _, size, hand, _ in of:
            svg.append(f'  <circle class="mark {style}" cx="{x(size):.0f}" cy="{y(hand):.1f}" r="4"/>')
        svg.append(f'  <text x="{left + 10}" y="{y(of[0][3]) + below:.0f}">{name}</text>')
    svg.append("</svg>")
    (docs / "pictures/performance.svg").write_text("\n".join(svg) + "\n")


parts = {
    "machine": machine(),
    "instructions": instructions(),
    "cost": "\n".join(f"- {row}" for kind in ("per message", "two threads") for row in
                      (f"{kind}: {found}" for found in rows(kind))) + "\n",
    "messages": per_second(),
    "handshakes": handshakes(),
    "include": include(),
}
parts_in_readme = {"instructions": parts["instructions"], "messages": in_short()}
for page, wanted in ((docs / "performance.md", parts), (root / "README.md", parts_in_readme)):
    text = page.read_text()
    for name, part in wanted.items():
        text, count = re.subn(rf"(<!-- {name} -->\n).*?(<!-- end -->\n)", lambda found: found[1] + part + found[2], text, flags=re.S)
        assert count == 1, name
    page.write_text(text)
picture()
