# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# To be sourced after environment.sh: runs test programs and counts their cases in $passed and $failed. $SSPAN_RUNNER is the
# command that runs a program; it may be empty. $SSPAN_BUILD is their folder, and $SSPAN_SUFFIX the end of their names.

passed=0 failed=0

# google_tests NAME PROGRAM OPTION...: runs a program of GoogleTest.
google_tests() {
    # shellcheck disable=SC2154 # environment.sh sets it
    local name=$1 report=$scratch/tests.xml cases=0 bad=0 status=0 command
    read -ra command <<<"$SSPAN_RUNNER"
    command+=("$PWD/$SSPAN_BUILD/tests/$2$SSPAN_SUFFIX")
    shift 2
    rm -f "$report"
    # The report's path is relative: under Wine GoogleTest takes one that begins with / for that.
    (cd "$scratch" && "${command[@]}" --gtest_brief=1 --gtest_output=xml:tests.xml "$@") >"$scratch/tests.log" 2>&1 \
        </dev/null || status=$?
    if [[ -e $report ]]; then
        cases=$(grep -c '^ *<testcase ' "$report")
        bad=$(grep -m 1 -o ' failures="[0-9]*"' "$report" | tr -dc 0-9)
    fi
    if [[ $cases -eq 0 || ($status -ne 0 && $bad -eq 0) ]]; then # a leak, perhaps
        cases=$((cases + 1)) bad=1
    fi
    [[ $bad -eq 0 ]] || cat "$scratch/tests.log"
    printf '%s: %d of %d passed\n' "$name" $((cases - bad)) "$cases"
    passed=$((passed + cases - bad)) failed=$((failed + bad))
}

# python_tests FILE: runs Python tests. Their last line says how many passed.
python_tests() {
    python3 -B "tests/integration/$1" >"$scratch/tests.log" 2>&1 </dev/null || true
    if [[ $(tail -n 1 "$scratch/tests.log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        printf '%s: %d of %d passed\n' "$1" "${BASH_REMATCH[1]}" $((BASH_REMATCH[1] + BASH_REMATCH[2]))
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
        [[ ${BASH_REMATCH[2]} -eq 0 ]] || cat "$scratch/tests.log"
    else
        cat "$scratch/tests.log"
        failed=$((failed + 1))
    fi
}
