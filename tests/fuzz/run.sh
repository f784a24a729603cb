#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fuzzes the library for SECONDS per target (60 if not given), two targets at a time, starting from the inputs in corpus/.
# The last line says how many targets found nothing.
#
# An input that fails is kept in build/fuzz/found. To run it once more:
#   build/fuzz/tests/fuzz/fuzz_messages build/fuzz/found/messages-crash-...
# When that is mended, move it to corpus/messages: every build with clang goes through what is there. To put the gains of a
# long run, in FOLDER, into the corpus, or to leave out what has become superfluous:
#   build/fuzz/tests/fuzz/fuzz_messages -merge=1 NEW_CORPUS tests/fuzz/corpus/messages FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

readonly seconds=${1:-60} build=build/fuzz
readonly targets=(handshake http_negotiate messages negotiate_stream package sasl text)
passed=0 failed=0

# start TARGET: new inputs that reach further go to $scratch.
start() {
    mkdir -p "$scratch/$1"
    "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -max_len=1024 -timeout=30 -print_final_stats=1 \
        -artifact_prefix="$build/found/$1-" "$scratch/$1" "tests/fuzz/corpus/$1" >"$scratch/$1.log" 2>&1 </dev/null &
    started+=("$!")
}

# finish TARGET PID
finish() {
    local log=$scratch/$1.log
    if ! wait "$2"; then
        printf '%-10s FAILED\n' "$1"
        tail -n 60 "$log"
        failed=$((failed + 1))
        return
    fi
    printf '%-10s %s runs, %s of %s edges, %s features\n' "$1" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/.*DONE *cov: \([0-9]*\) .*/\1/p' "$log")" \
        "$(sed -n 's/.*Loaded 1 modules *(\([0-9]*\) inline.*/\1/p' "$log")" \
        "$(sed -n 's/.*DONE .* ft: \([0-9]*\) .*/\1/p' "$log")"
    passed=$((passed + 1))
}

install_missing "${build_packages[@]}" "${test_packages[@]}"
logged cmake --preset fuzz
logged cmake --build --preset fuzz
mkdir -p "$build/found"

for ((i = 0; i < ${#targets[@]}; i += 2)); do
    pair=("${targets[@]:i:2}")
    for target in "${pair[@]}"; do start "$target"; done
    for ((j = 0; j < ${#pair[@]}; ++j)); do finish "${pair[j]}" "${started[-${#pair[@]} + j]}"; done
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
