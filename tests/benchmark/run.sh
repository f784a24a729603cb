#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Measures what the library costs:
# - instructions per message, with a package that does nothing;
# - messages and handshakes per second, with Kerberos of Wine and WinPR and a real KDC, and with WinPR's NTLM;
# - the time to compile its headers.
# It compares the library with calls written by hand in C: one form checks only the status, the other one makes all checks that
# the library makes. It writes the results into docs/performance.md and its picture. Run nothing else at the same time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/root.sh
. tests/root.sh

# instructions OPERATION FORM COUNT: prints how many instructions so many messages take.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$overhead" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}

# per_message OPERATION FORM: prints the instructions per message. It subtracts two runs, to leave out the program's start.
per_message() {
    printf '%d' $((($(instructions "$1" "$2" 2000) - $(instructions "$1" "$2" 1000)) / 1000))
}

install_missing "${build_packages[@]}" "${test_packages[@]}" "${wine_packages[@]}" "${realm_packages[@]}" valgrind python3
wine_start
logged cmake --preset benchmark
logged cmake --build --preset benchmark
logged cmake --preset mingw
logged cmake --build build/mingw --target overhead_messages
root_open trixie
root_make trixie
root_install "${build_packages[@]}" "${realm_packages[@]}" "${winpr3_packages[@]}"

overhead=build/benchmark/tests/benchmark/overhead
gsl=build/mingw/system/Microsoft.GSL/include
realm_start
{
    for operation in sign verify encrypt decrypt wrap unwrap; do
        printf 'instructions: %s' "$operation"
        for form in hand-written checked throwing error_code; do
            printf ' %d' "$(per_message $operation $form)"
        done
        printf '\n'
    done
    "$overhead" cost
    "$overhead" threads
    SSPAN_SERVICE=$service wine build/mingw/tests/benchmark/overhead_messages.exe Kerberos "Wine's Kerberos"
    "${in_root[@]}" "LC_ALL=$LC_ALL" tests/benchmark/winpr3.sh
    tests/benchmark/include_cost.py x86_64-w64-mingw32-g++-posix -isystem "$gsl"
    tests/benchmark/include_cost.py clang++-19 --target=x86_64-w64-mingw32 -isystem "$gsl"
} | tee build/benchmark/results.txt
tests/benchmark/report.py build/benchmark/results.txt
