#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# include_cost.py COMPILER [ARGUMENT...]: measures how long a file with only <sspan/sspan.hpp> takes to compile. Compares it with
# a file that includes only what sspan needs: the headers of the OS, of GSL and of the standard library. With clang it also
# measures a file that imports the module.
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

ROUNDS = 7
root = pathlib.Path(__file__).resolve().parents[2]
include = root / "include"


def user_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def headers_of_the_standard_library(command, folder):
    """Returns the standard headers that sspan includes on this platform."""
    named = set()
    for header in (include / "sspan").rglob("*.hpp"):
        named |= set(re.findall(r"^#include <([a-z_]+|gsl/narrow)>", header.read_text(), re.MULTILINE))
    source = folder / "all.cpp"
    source.write_text("#include <sspan/sspan.hpp>\n")
    listed = subprocess.run([*command, "-M", source], check=True, capture_output=True, text=True).stdout
    files = listed.replace("\\\n", " ").split()
    return sorted(name for name in named if any(file.endswith("/" + name) for file in files))


def main():
    command = [*sys.argv[1:], "-std=c++20", f"-I{include}"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        standard = headers_of_the_standard_library(command, folder)
        sources = {
            "what it needs": "#include <sspan/os/platform.hpp>\n" + "".join(f"#include <{header}>\n" for header in standard),
            "sspan": "#include <sspan/sspan.hpp>\n",
        }
        if "clang" in command[0]:
            module = folder / "sspan.pcm"
            interface = root / "cmake/module/sspan.cppm"
            subprocess.run([*command, "--precompile", "-x", "c++-module", interface, "-o", module], check=True)
            command.append(f"-fmodule-file=sspan={module}")
            sources["import"] = "import sspan;\n"
        for level in ("-O0", "-O2"):
            best = dict.fromkeys(sources, float("inf"))
            for _ in range(ROUNDS):  # in turn, so that other load on the machine slows down all of them
                for what, text in sources.items():
                    source = folder / "file.cpp"
                    source.write_text(text)
                    compile_it = [*command, level, "-c", source, "-o", folder / "out.o"]
                    best[what] = min(best[what], user_seconds(compile_it))
            times = ", ".join(f"{what} {seconds:.2f}" for what, seconds in best.items())
            print(f"include: {pathlib.Path(command[0]).name} {level}, {times}")


main()
