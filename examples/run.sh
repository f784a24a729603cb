#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The library's main job, for real: a server and a client, two Windows programs under Wine, authenticate each other by
# Kerberos and exchange messages; then somebody changes one, and somebody sends one twice. At last curl asks a web server,
# without a ticket and with one. Ends with 0 only if everything was as it must be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

programs=build/examples/examples
transcript=$scratch/transcript

# say COMMAND...: shows what it prints, and keeps it.
say() {
    "$@" 2>&1 | tr -d '\r' | tee -a "$transcript"
    return "${PIPESTATUS[0]}"
}

# send STATUS OPTION...: a client that has to end with this status.
send() {
    local expected=$1 status=0
    shift
    printf '\nclient> secure_echo send --target %s %s\n' "$service" "$*"
    say wine $programs/secure_echo.exe send --host 127.0.0.1 --port "$port" --target "$service" "$@" || status=$?
    [[ $status -eq $expected ]] || fail "the client ended with $status, not with $expected"
}

# must_say COUNT PATTERN: the transcript has so many lines like this.
must_say() {
    [[ $(grep -cE -- "$2" "$transcript") -eq $1 ]] || fail "the transcript has not $1 lines like: $2"
}

install_missing "${build_packages[@]}" "${wine_packages[@]}" "${realm_packages[@]}" curl
logged cmake --workflow --preset examples
wine_start
realm_start
printf 'A Kerberos realm is up: %s may ask for %s.\n' "$(klist | sed -n 's/^Default principal: //p')" "$service"

printf '\nserver> secure_echo serve\n'
wine $programs/secure_echo.exe serve --port 0 >"$scratch/server.log" 2>&1 </dev/null &
server=$!
started+=("$server")
wait_for "$scratch/server.log" 'listening on port' "$server"
port=$(tr -d '\r' <"$scratch/server.log" | sed -n 's/^listening on port //p')
printf 'listening on port %s\n' "$port"

messages=(--count 1000 --size 256)
send 0 --kind sign "${messages[@]}"
send 0 --kind seal "${messages[@]}"
send 0 --kind seal "${messages[@]}" --dce
send 3 --kind sign --count 1 --tamper
send 3 --kind seal --count 1 --tamper
send 3 --kind sign --count 1 --replay
send 3 --kind seal --count 1 --replay

printf '\nWhat the server says:\n'
say tail -n +2 "$scratch/server.log"
# Wine's Kerberos does not tell a server its client's name, so the KDC has to.
principal=$(sed -n 's/.*ISSUE: authtime.*}, \(.*\) for echo.*/\1/p' "$scratch/realm/kdc.log" | sort -u)
printf '\nTogether with the log of the Kerberos server:\n'
say printf 'authenticated %s %s\n' "$principal" "$(sed -n '/^authenticated to /{s/^authenticated //p;q}' "$transcript")"

printf '\nBoth sides in one process, a message changed between them:\nquick_start\n'
say wine $programs/quick_start.exe

printf '\nA web server for curl:\nserver> http_hello\n'
web=HTTP/server.sspan.test
logged kadmin.local addprinc -randkey "$web"
logged kadmin.local ktadd -norandkey -k "$scratch/web.keytab" "$web"
KRB5_KTNAME=FILE:$scratch/web.keytab wine $programs/http_hello.exe --port 0 --connections 2 \
    >"$scratch/web.log" 2>&1 </dev/null &
server=$!
started+=("$server")
wait_for "$scratch/web.log" 'listening on port' "$server"
port=$(tr -d '\r' <"$scratch/web.log" | sed -n 's/^listening on port //p')
page=http://server.sspan.test:$port/
for options in '' '--negotiate --user :'; do
    printf 'curl> curl %s%s\n' "${options:+$options }" "$page"
    # shellcheck disable=SC2086 # words of a command
    say timeout 60 curl --silent --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" \
        --write-out '%{http_code}\n' $options "$page"
done
wait "$server" || fail "the web server ended with $?: $(cat "$scratch/web.log")"
unset 'started[-1]'

must_say 1 '^401$'
must_say 1 '^200$'
must_say 1 '^hello '
must_say 7 "^authenticated to $service with Kerberos; granted: mutual_auth, replay_detect, sequence_detect, confidentiality, integrity"
must_say 1 '^signed 1000 messages of 256 bytes in '
must_say 2 '^sealed 1000 messages of 256 bytes in '
must_say 2 '^tampered message rejected: SEC_E_MESSAGE_ALTERED \(0x8009030F\)$'
must_say 2 '^replayed message rejected: SEC_E_(OUT_OF_SEQUENCE \(0x80090310|INVALID_TOKEN \(0x80090308)\)$'
must_say 3 '^connection [0-9]+: answered 1000 messages$'
must_say 4 '^connection [0-9]+: rejected a message: SEC_E_'
must_say 1 "^authenticated alice@SSPAN.TEST to $service with Kerberos; granted: mutual_auth, "
must_say 1 '^VerifySignature: SEC_E_MESSAGE_ALTERED \(0x8009030F\)'
printf '\nEverything was as it must be.\n'
