#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with JGSS, Java's own implementation of GSS-API. Peer.java talks to itself first, then to sspan, in both roles and with
# each type of session key.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

command -v javac >/dev/null || skip 'javac is missing; tests/run.sh installs it'

# talk NAME: runs Peer.java with a new mirror.
talk() {
    local printed=$scratch/peer mirror port
    port=$(free_port)
    rm -f "$printed.mirror" # the last mirror left its output there
    # shellcheck disable=SC2086 # words of a command
    $SSPAN_RUNNER "$PWD/$SSPAN_BUILD/tests/interop/mirror$SSPAN_SUFFIX" "$port" >"$printed.mirror" 2>&1 </dev/null &
    mirror=$!
    started+=("$mirror")
    wait_for "$printed.mirror" 'listening on port' "$mirror"
    timeout --foreground "$run_seconds" java -Dsun.security.jgss.native=false \
        -Djavax.security.auth.useSubjectCredsOnly=false -Djava.security.krb5.conf="$KRB5_CONFIG" \
        -Djava.io.tmpdir="$scratch" tests/interop/jgss/Peer.java "$port" "${KRB5_KTNAME#FILE:}" "${KRB5CCNAME#FILE:}" \
        >"$printed" 2>&1 </dev/null || kill "$mirror" 2>/dev/null || true
    if ! wait "$mirror"; then
        failed=$((failed + 1))
        printf '%s: mirror failed\n' "$1"
        cat "$printed.mirror"
    fi
    unset 'started[-1]' # from now on, another process may get this id
    add_counts "$1" "$printed"
}
everywhere "$service" mirror talk

totals
