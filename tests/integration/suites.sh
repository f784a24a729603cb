# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Source this file after environment.sh. It runs tests and counts them. $SSPAN_RUNNER is the command that runs a program of
# GoogleTest; it may be empty. $SSPAN_BUILD is the folder of these programs, and $SSPAN_SUFFIX is the end of their names.

passed=0 failed=0 skipped=0

# add_counts NAME LOG: adds the counts in the last line of a log. If that line has none, it adds one failure. Prints the counts,
# and also the log if a test failed.
add_counts() {
    local line
    line=$(tail -n 1 "$2")
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
    else
        line='it ended without a result' failed=$((failed + 1))
    fi
    if [[ $line == *' 0 failed'* ]]; then
        grep '^  skipped: ' "$2" || true
    else
        cat "$2"
    fi
    printf '%s: %s\n' "$1" "$line"
}

# google_tests NAME PROGRAM OPTION...: runs a program of GoogleTest and adds its counts.
google_tests() {
    # shellcheck disable=SC2154 # environment.sh sets it
    local name=$1 log=$scratch/tests.log status=0 command
    read -ra command <<<"$SSPAN_RUNNER"
    command+=("$PWD/$SSPAN_BUILD/tests/$2$SSPAN_SUFFIX")
    shift 2
    rm -f "$scratch/tests.xml"
    # The path of the report is relative, because under Wine GoogleTest treats a path that begins with / as relative.
    (cd "$scratch" && "${command[@]}" --gtest_brief=1 --gtest_output=xml:tests.xml "$@") >"$log" 2>&1 </dev/null || status=$?
    python3 -B tests/sum.py google "$scratch/tests.xml" "$status" >>"$log" || true
    add_counts "$name" "$log"
}

# python_tests FILE: runs Python tests and adds their counts. The last line of their output has the counts.
python_tests() {
    python3 -B "tests/integration/$1" >"$scratch/tests.log" 2>&1 </dev/null || true
    add_counts "$1" "$scratch/tests.log"
}

# totals: prints the last line of a script. Fails if a test failed.
totals() {
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [[ $failed -eq 0 ]]
}
