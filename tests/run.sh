#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/run.sh [--with-winpr3] [-L LABEL]: installs the packages that it needs, and runs all tests:
# - natively, with two compilers and three sanitizers;
# - as Windows programs under Wine, with real Kerberos and with other software;
# - with --with-winpr3 also with WinPR 3 and its own packages, in a Debian 13 that it makes.
# With -L it runs only the tests whose label matches this regular expression; README.md has a table of the labels. The last
# line says how many tests passed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/root.sh
. tests/root.sh

with_winpr3='' label=''
while [[ $# -gt 0 ]]; do
    case $1 in
    --with-winpr3) with_winpr3=1 ;;
    -L)
        [[ ${2:-} ]] || fail '-L needs a label'
        label=$2
        shift
        ;;
    *) fail "usage: ${0##*/} [--with-winpr3] [-L LABEL]" ;;
    esac
    shift
done

# wanted LABEL...: succeeds if tests with one of these labels must run.
wanted() {
    local one
    for one in "$@"; do [[ ! $label || $one =~ $label ]] && return; done
    return 1
}

# leg PRESET [compile-only]: configures, builds and tests. It works in $tree. Each command has the prefix "${within[@]}".
tree=. within=()
leg() {
    local preset=$1 build=build/$1 log=$scratch/$1.log status=0 counts='0 passed, 1 failed'
    printf '%-13s ' "$preset"
    if ! "${within[@]}" cmake --preset "$preset" >"$log" 2>&1 </dev/null; then
        status=1
    elif [[ $label ]] &&
        "${within[@]}" ctest --preset "$preset" -L "$label" -N 2>&1 </dev/null | grep -qx 'Total Tests: 0'; then
        printf 'has no such test\n'
        return
    elif ! "${within[@]}" cmake --build --preset "$preset" >"$log" 2>&1 </dev/null; then
        status=1
    elif [[ ${2:-} == compile-only ]]; then
        counts='1 passed, 0 failed'
    else
        "${within[@]}" find "$build" -maxdepth 1 -name '*.xml' -delete
        "${within[@]}" ctest --preset "$preset" ${label:+-L "$label"} --output-junit ctest.xml >"$log" 2>&1 </dev/null || status=$?
        counts=$(python3 -B tests/sum.py ctest "$tree/$build" "$status") || status=1
    fi
    printf '%s\n' "${counts##*$'\n'}"
    [[ $counts != *$'\n'* ]] || printf '%s\n' "${counts%$'\n'*}"
    printf '%s\n' "${counts##*$'\n'}" >>"$scratch/counts"
    [[ $status -eq 0 ]] || cat "$log"
}

install_missing "${build_packages[@]}" "${test_packages[@]}" "${wine_packages[@]}" g++-mingw-w64-i686-posix
if wanted kerberos load registered interop; then install_missing "${realm_packages[@]}" "${integration_packages[@]}"; fi
if wanted interop; then install_missing "${interop_packages[@]}"; fi
wine_start

[[ ! $with_winpr3 ]] || export SSPAN_WITH_WINPR3=1 # the peers of tests/interop read it
leg native
leg native-clang
leg threads
leg mingw
[[ $label ]] || leg mingw-i686 compile-only
leg fuzz
if [[ $with_winpr3 ]]; then
    root_open trixie
    root_make trixie
    root_install "${build_packages[@]}" "${realm_packages[@]}" "${winpr3_packages[@]}"
    root_backport trixie cmake # the newest one; the other legs have the system's
    tree=$root_tree within=("${in_root[@]}" "LC_ALL=$LC_ALL")
    leg winpr3
fi

[[ -e $scratch/counts ]] || fail 'no test has this label'
python3 -B tests/sum.py total <"$scratch/counts"
