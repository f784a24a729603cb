#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/coverage.sh [--last-run]: measures how many lines and branches of include/ the native tests run, with the source-based
# coverage of clang, and lists the lines that no test runs. With --last-run it uses the last run of the preset native-clang
# instead of a new one. The last line says how many of the two goals were reached.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

[[ $# -eq 0 || ($# -eq 1 && $1 == --last-run) ]] || fail "usage: ${0##*/} [--last-run]"

install_missing "${build_packages[@]}" "${test_packages[@]}" llvm-19 python3

if [[ $# -eq 0 ]]; then
    rm -rf build/native-clang/coverage
    logged cmake --workflow --preset native-clang
fi
logged llvm-profdata-19 merge -sparse build/native-clang/coverage/*.profraw -o build/native-clang/coverage/all.profdata

mapfile -t headers < <(git ls-files include/sspan)
# These programs use the loopback package, so they do not run os/api.hpp, os/system.hpp and os/winpr.hpp, which call the system.
programs=(build/native-clang/tests/unit_tests)
for program in fault secret thread; do
    programs+=(-object "build/native-clang/tests/${program}_tests")
done
# exported OPTION...: prints the coverage of the headers.
exported() {
    llvm-cov-19 export "${programs[@]}" -instr-profile build/native-clang/coverage/all.profdata "$@" "${headers[@]}" 2>/dev/null
}
printf 'Lines that no test runs:\n'
exported -format=lcov | awk -F '[:,]' '
    $1 == "SF" { sub(".*/include/", "  ", $2); file = $2 }
    $1 == "DA" && $3 == 0 { lines[file] = lines[file] " " $2 }
    END { for (file in lines) print file ":" lines[file] }' | sort
exported -summary-only | python3 -c '
import json, sys

goals = {"lines": 98, "branches": 90}
totals = json.load(sys.stdin)["data"][0]["totals"]
reached = 0
for what, goal in goals.items():
    covered, count = totals[what]["covered"], totals[what]["count"]
    reached += 100 * covered >= goal * count
    print(f"{what}: {covered} of {count}, {100 * covered / count:.2f} % (goal: {goal} %)")
print(f"{reached} passed, {len(goals) - reached} failed")
sys.exit(reached != len(goals))
'
