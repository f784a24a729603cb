#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Sets up what it needs and runs all tests: natively with two compilers and three sanitizers, and as Windows programs under
# Wine; with --with-winpr3 also against WinPR 3 and its own packages, in a Debian 13 that it makes. With -L LABEL only the
# tests of ctest with this label (a regular expression), and no scripts. The last line says how many passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/root.sh
. tests/root.sh

with_winpr3=() only=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --with-winpr3) with_winpr3=("$1") ;;
    -L)
        [[ $# -gt 1 ]] || fail '-L needs a label'
        only=(-L "$2" --no-tests=ignore)
        shift
        ;;
    *) fail "usage: ${0##*/} [--with-winpr3] [-L LABEL]" ;;
    esac
    shift
done

passed=0 failed=0 skipped=0

# count PATTERN REPORT: in how many lines of a JUnit report the pattern stands. ctest and GoogleTest begin each case on a
# line of its own.
count() {
    grep -c -- "$1" "$2" || true
}

# leg PRESET [compile-only]: configures, builds and tests. Every case of GoogleTest counts, and so does every other test
# of ctest; what fails before there are tests counts as one failure. It works in $tree, by way of the command "${within[@]}".
tree=. within=()
leg() {
    local preset=$1 build=$tree/build/$1 log=$scratch/$1.log
    printf '%-13s ' "$preset"
    "${within[@]}" find . -path "./build/$preset/*.xml" -not -path "./build/$preset/*/*" -delete
    if ! { "${within[@]}" cmake --preset "$preset" && "${within[@]}" cmake --build --preset "$preset"; } >"$log" 2>&1 </dev/null; then
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
    local status=0 report cases=0 bad=0 left=0 n
    "${within[@]}" ctest --preset "$preset" "${only[@]}" --output-junit ctest.xml >"$log" 2>&1 </dev/null || status=$?
    if [[ -e $build/ctest.xml ]]; then
        cases=$(count '^\s*<testcase ' "$build/ctest.xml")
        bad=$(count '^\s*<testcase .* status="fail"' "$build/ctest.xml")
        left=$(count '^\s*<testcase .* status="\(notrun\|disabled\)"' "$build/ctest.xml")
    fi
    for report in "$build"/*_tests.xml; do # their cases count instead of the program, which ctest has counted
        [[ -e $report ]] || continue
        cases=$((cases - 1 + $(count '^\s*<testcase ' "$report")))
        left=$((left + $(count '^\s*<testcase .*\(status="notrun"\|result="skipped"\)' "$report")))
        n=$(grep -m 1 -o ' failures="[0-9]*"' "$report" | tr -dc 0-9)
        [[ $n -eq 0 ]] || bad=$((bad - 1 + n))
    done
    if [[ ($cases -eq 0 && ${#only[@]} -eq 0) || ($status -ne 0 && $bad -eq 0) ]]; then # ctest itself says more than the reports
        cases=$((cases + 1)) bad=1
    fi
    printf '%d passed, %d failed, %d skipped\n' $((cases - bad - left)) "$bad" "$left"
    for report in "$build"/*_tests.xml; do
        [[ ! -e $report ]] || sed -n 's/&#x0A;/ /g; s/.*<skipped message="\([^"]*\)".*/  skipped: \1/p' "$report"
    done
    [[ $bad -eq 0 ]] || cat "$log"
    passed=$((passed + cases - bad - left)) failed=$((failed + bad)) skipped=$((skipped + left))
}

# script NAME COMMAND...: a script of tests; its last line says how many passed.
readonly script_seconds=2400
script() {
    local log=$scratch/script.log totals
    printf '%-13s ' "$1"
    shift
    timeout --kill-after=30 "$script_seconds" "$@" >"$log" 2>&1 </dev/null || true
    totals=$(tail -n 1 "$log")
    if [[ $totals =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        printf '%s\n' "$totals"
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
        [[ ${BASH_REMATCH[2]} -eq 0 ]] || cat "$log"
    else
        printf 'did not end\n'
        cat "$log"
        failed=$((failed + 1))
    fi
}

install_missing "${build_packages[@]}" "${test_packages[@]}" "${wine_packages[@]}" g++-mingw-w64-i686-posix
wine_start

leg native
leg native-clang
leg threads
leg mingw
[[ ${#only[@]} -gt 0 ]] || leg mingw-i686 compile-only
[[ ${#only[@]} -gt 0 ]] || script 'fuzzing' tests/fuzz/run.sh 30
if [[ ${#only[@]} -eq 0 && -e build/mingw/tests/programs/secure_echo.exe ]]; then
    script 'real Kerberos' tests/integration/run.sh
    script 'other peers' tests/interop/run.sh "${with_winpr3[@]}"
fi
if [[ ${#with_winpr3[@]} -gt 0 ]]; then
    root_open trixie
    root_make trixie
    root_install "${build_packages[@]}" "${realm_packages[@]}" "${winpr3_packages[@]}"
    tree=$root_tree within=("${in_root[@]}" "LC_ALL=$LC_ALL")
    leg winpr3
    if [[ ${#only[@]} -eq 0 && -e $tree/build/winpr3/tests/winpr_tests ]]; then
        script 'WinPR 3' "${within[@]}" tests/integration/winpr3.sh
    fi
fi

if [[ $skipped -gt 0 ]]; then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
else
    printf '%d passed, %d failed\n' "$passed" "$failed"
fi
[[ ${#only[@]} -eq 0 || $((passed + failed + skipped)) -gt 0 ]] || fail 'no test has this label'
[[ $failed -eq 0 ]]
