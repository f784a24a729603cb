#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the library adds to a message: instructions, with a package that does nothing; and messages per second, with Wine's
# Kerberos and a real KDC. Both against the same calls written by hand in C, which look at nothing but the status; the
# instructions also against C that makes the library's checks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

# instructions OPERATION FORM COUNT
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$overhead" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}

# per_message OPERATION FORM: what does not depend on their number, such as the start of the program, cancels out.
per_message() {
    printf '%d' $((($(instructions "$1" "$2" 2000) - $(instructions "$1" "$2" 1000)) / 1000))
}

install_missing "${build_packages[@]}" "${test_packages[@]}" "${wine_packages[@]}" "${realm_packages[@]}" valgrind
wine_start
logged cmake --preset benchmark
logged cmake --build --preset benchmark
logged cmake --preset mingw
logged cmake --build build/mingw --target overhead_kerberos

overhead=build/benchmark/tests/benchmark/overhead
for operation in sign verify encrypt decrypt wrap unwrap; do
    by_hand=$(per_message $operation hand-written)
    checked=$(per_message $operation checked)
    for form in throwing error_code; do
        by_sspan=$(per_message $operation $form)
        awk -v name="$operation $form" -v hand="$by_hand" -v checked="$checked" -v sspan="$by_sspan" 'BEGIN {
            printf "%s: hand-written %d, sspan %d, ratio %.2f; hand-written with the same checks %d, ratio %.2f\n",
                   name, hand, sspan, sspan / hand, checked, sspan / checked }'
    done
done
"$overhead" cost
"$overhead" threads

realm_start
SSPAN_SERVICE=$service wine build/mingw/tests/benchmark/overhead_kerberos.exe
