#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Shows the main job of the library. A server and a client, two Windows programs under Wine, authenticate each other with
# Kerberos and exchange messages. secure_echo, a program of the tests, then sends many messages, a changed one and a repeated
# one. At the end curl asks a web server, without a ticket and with one. Exit status: 0 if all results were as expected.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

programs=build/examples/examples
echo_program=build/examples/tests/programs/secure_echo.exe
transcript=$scratch/transcript

# say COMMAND...: shows the output of the command and appends it to the transcript.
say() {
    "$@" 2>&1 | tr -d '\r' | tee -a "$transcript"
    return "${PIPESTATUS[0]}"
}

# serve COMMAND...: starts a server that prints its port. Sets $server, $server_log and $port.
serve() {
    server_log=$(mktemp -p "$scratch")
    "$@" >"$server_log" 2>&1 </dev/null &
    server=$!
    started+=("$server")
    wait_for "$server_log" 'listening on port' "$server"
    port=$(tr -d '\r' <"$server_log" | sed -n 's/^listening on port //p')
}

# send STATUS OPTION...: runs a client that must end with this status.
send() {
    local expected=$1 status=0
    shift
    printf '\nclient> secure_echo send --target %s %s\n' "$service" "$*"
    say wine $echo_program send --host 127.0.0.1 --port "$port" --target "$service" "$@" || status=$?
    [[ $status -eq $expected ]] || fail "the client ended with $status, not with $expected"
}

# must_say COUNT PATTERN: checks that exactly COUNT lines of the transcript match the pattern.
must_say() {
    [[ $(grep -cE -- "$2" "$transcript") -eq $1 ]] || fail "the transcript must have exactly $1 lines that match: $2"
}

install_missing "${build_packages[@]}" "${wine_packages[@]}" "${realm_packages[@]}" curl
logged cmake --workflow --preset examples
wine_start
realm_start
printf 'A Kerberos realm is up: %s may ask for %s.\n' "$(klist | sed -n 's/^Default principal: //p')" "$service"

serve wine $programs/tcp_server.exe 0
printf '\nserver> tcp_server %s\n' "$port"
order='Pay 100 to Carol.'
printf '\nclient> tcp_client 127.0.0.1 %s %s "%s"\n' "$port" "$service" "$order"
say wine $programs/tcp_client.exe 127.0.0.1 "$port" "$service" "$order"
printf '\nThe output of the server:\n'
say tail -n +2 "$server_log"

serve wine $echo_program serve --port 0
printf '\nserver> secure_echo serve --port %s\n' "$port"

messages=(--count 1000 --size 256)
send 0 --kind sign "${messages[@]}"
send 0 --kind seal "${messages[@]}"
send 0 --kind seal "${messages[@]}" --dce
send 3 --kind sign --count 1 --tamper
send 3 --kind seal --count 1 --tamper
send 3 --kind sign --count 1 --replay
send 3 --kind seal --count 1 --replay

printf '\nThe output of the server:\n'
say tail -n +2 "$server_log"
# Wine's Kerberos does not report the client's name to a server. The log of the KDC has it.
principal=$(sed -n 's/.*ISSUE: authtime.*}, \(.*\) for echo.*/\1/p' "$scratch/realm/kdc.log" | sort -u)
printf '\nTogether with the log of the Kerberos server:\n'
say printf 'authenticated %s %s\n' "$principal" "$(sed -n '/^authenticated to .* with Kerberos/{s/^authenticated //p;q}' "$transcript")"

printf '\nBoth sides in one process; a message is changed between them:\nquick_start\n'
say wine $programs/quick_start.exe

printf '\nA web server for curl:\nserver> http_hello\n'
web=HTTP/server.sspan.test
logged kadmin.local addprinc -randkey "$web"
logged kadmin.local ktadd -norandkey -k "$scratch/web.keytab" "$web"
serve env KRB5_KTNAME="FILE:$scratch/web.keytab" wine $programs/http_hello.exe --port 0 --connections 2
page=http://server.sspan.test:$port/
for options in '' '--negotiate --user :'; do
    printf 'curl> curl %s%s\n' "${options:+$options }" "$page"
    # shellcheck disable=SC2086 # words of a command
    say timeout 60 curl --silent --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" \
        --write-out '%{http_code}\n' $options "$page"
done
wait "$server" || fail "the web server ended with $?: $(cat "$server_log")"
unset 'started[-1]'

must_say 1 "^authenticated to $service with kerberos; granted: mutual_auth, replay_detect, sequence_detect, confidentiality, integrity"
must_say 1 "^signed: $order"
must_say 1 "^decrypted: accepted: $order"
must_say 1 '^authenticated a client .*; granted: mutual_auth, '
must_say 1 "^a client .* signed: $order"
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
printf '\nAll results were as expected.\n'
