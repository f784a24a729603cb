#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Sets up what it needs and runs all tests: natively with two compilers and sanitizers, and as Windows programs under
# Wine. The last line says how many passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

passed=0 failed=0 skipped=0

# attribute NAME REPORT: of a JUnit report's whole, as ctest and GoogleTest write it.
attribute() {
    grep -m 1 -o '<testsuites\? [^>]*' "$2" | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*' || printf 0
}

# leg PRESET [compile-only]: configures, builds and tests. Every case of GoogleTest counts, and so does every other test
# of ctest; what fails before there are tests counts as one failure.
leg() {
    local preset=$1 build=build/$1 log=$scratch/$1.log
    printf '%-13s ' "$preset"
    rm -f "$build"/*_tests.xml "$build/ctest.xml"
    if ! { cmake --preset "$preset" && cmake --build --preset "$preset"; } >"$log" 2>&1 </dev/null; then
        printf 'does not build\n'
        tail -n 60 "$log"
        failed=$((failed + 1))
        return
    fi
    if [[ ${2:-} == compile-only ]]; then
        printf 'compiles\n'
        passed=$((passed + 1))
        return
    fi
    ctest --preset "$preset" --output-junit "$PWD/$build/ctest.xml" >"$log" 2>&1 </dev/null || true
    local report cases=0 bad=0 left=0 n
    for report in "$build"/ctest.xml "$build"/*_tests.xml; do
        [[ -e $report ]] || continue
        cases=$((cases + $(attribute tests "$report")))
        n=$(attribute failures "$report")
        bad=$((bad + n))
        left=$((left + $(attribute skipped "$report") + $(attribute disabled "$report")))
        if [[ $report == *_tests.xml ]]; then # ctest has counted the program that these cases are in
            cases=$((cases - 1))
            [[ $n -eq 0 ]] || bad=$((bad - 1))
        fi
    done
    [[ $cases -gt 0 ]] || cases=1 bad=1
    printf '%d passed, %d failed, %d skipped\n' $((cases - bad - left)) "$bad" "$left"
    grep -h 'SKIPPED' "$log" || true
    [[ $bad -eq 0 ]] || cat "$log"
    passed=$((passed + cases - bad - left)) failed=$((failed + bad)) skipped=$((skipped + left))
}

install_missing cmake ninja-build g++ clang-19 libclang-rt-19-dev libmsgsl-dev googletest libwinpr2-dev \
    g++-mingw-w64-x86-64-posix g++-mingw-w64-i686-posix wine wine64
wine_start

leg native
leg native-clang
leg mingw
leg mingw-i686 compile-only

if [[ $skipped -gt 0 ]]; then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
else
    printf '%d passed, %d failed\n' "$passed" "$failed"
fi
[[ $failed -eq 0 ]]
