#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# sspan against programs that nobody here wrote. Each folder here is a peer.
#
#   run.sh [--with-winpr3] [PEER...]   runs the peers with these names, or all of them
#
# It prints one line "PEER: N passed, N failed" for each peer and the sum in the last line. build/mingw must be there. With
# --with-winpr3 peers also test sspan on WinPR 3, in a Debian 13 of its own (tests/root.sh).
#
# A peer is tests/interop/PEER/run.sh. It starts in the project's folder, with Wine running and with the realm of
# realm_start in its environment; SSPAN_WITH_WINPR3 is set with --with-winpr3. It may add principals with kadmin.local; it
# writes their keys to keytabs of its own. Its last line is "N passed, N failed", or "REASON: skipped". What it printed before
# is shown if a case failed. It must end what it started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

readonly peer_seconds=1200 # the longest time that one peer may take

unset SSPAN_WITH_WINPR3
if [[ ${1:-} == --with-winpr3 ]]; then
    export SSPAN_WITH_WINPR3=1
    shift
fi
peers=("$@")
if [[ $# -eq 0 ]]; then
    for script in tests/interop/*/run.sh; do
        peers+=("$(basename "$(dirname "$script")")")
    done
fi
for peer in "${peers[@]}"; do
    [[ -x tests/interop/$peer/run.sh ]] || fail "there is no peer $peer; usage: ${0##*/} [--with-winpr3] [PEER...]"
done

install_missing python3 krb5-kdc krb5-admin-server krb5-user wine wine64
wine_start
realm_start

passed=0 failed=0
for peer in "${peers[@]}"; do
    log=$scratch/$peer.log
    timeout --kill-after=30 "$peer_seconds" "tests/interop/$peer/run.sh" >"$log" 2>&1 </dev/null 9>&- &
    started+=("$!")
    status=0
    wait "$!" || status=$?
    unset 'started[-1]' # its number may be another process' from now on
    if [[ $status -eq 0 && $(tail -n 1 "$log") == *': skipped' ]]; then
        printf '%s: %s\n' "$peer" "$(tail -n 1 "$log")"
        continue
    fi
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
        sed -i '$d' "$log"
    else
        good=0 bad=1
        [[ $status -ne 124 ]] || printf 'it took more than %d seconds\n' "$peer_seconds" >>"$log"
    fi
    if [[ $bad -eq 0 && ($status -ne 0 || $good -eq 0) ]]; then
        printf 'the script ended with status %d after %d good cases\n' "$status" "$good" >>"$log"
        bad=1
    fi
    [[ $bad -eq 0 ]] || cat "$log"
    printf '%s: %d passed, %d failed\n' "$peer" "$good" "$bad"
    passed=$((passed + good)) failed=$((failed + bad))
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
