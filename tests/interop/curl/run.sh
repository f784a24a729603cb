#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with curl, a client of a web server with sspan, with each type of session key. ../apache proves that this curl works.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

needs curl
server=HTTP/server.sspan.test
principal "$server"
logged kadmin.local ktadd -norandkey -k "$scratch/http.keytab" "$server"
export KRB5_KTNAME=FILE:$scratch/http.keytab

# get OPTION...: asks the server. Prints each page, then its status and the number of new connections.
get() {
    timeout 60 curl --silent --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" \
        --write-out '%{http_code} %{num_connects}\n' "$@" 2>&1 || true
}

# expect NAME WANTED COMMAND...: checks that the output of the command matches the pattern WANTED.
expect() {
    local name=$1 wanted=$2 said
    shift 2
    said=$("$@") || true
    # shellcheck disable=SC2053 # a pattern
    if [[ $said == $wanted ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: %s\n' "$name" "${said:0:2000}"
    fi
}

# start SCOPE: starts the server. Sets $port and $url.
start() {
    local command log=$scratch/server.log
    read -ra command <<<"$SSPAN_RUNNER"
    rm -f "$log"
    "${command[@]}" "$PWD/$SSPAN_BUILD/tests/interop/interop_curl$SSPAN_SUFFIX" "$1" >"$log" 2>&1 </dev/null &
    started+=("$!")
    wait_for "$log" 'listening on port' "$!"
    port=$(tr -d '\r' <"$log" | sed -n 's/.*listening on port //p')
    url=http://server.sspan.test:$port/page
}

# finish NAME: ends the server, which must still run.
finish() {
    local status=0
    expect "$1, the end" $'the end\n200 1' get "http://server.sspan.test:$port/end"
    wait "${started[-1]}" || status=$?
    unset 'started[-1]'
    expect "$1, the exit status" 0 printf '%s' "$status"
}

# answer_to_long: prints the server's answer to a header field that newer versions of curl refuse to send.
answer_to_long() {
    exec {socket}<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /page HTTP/1.1\r\nHost: server.sspan.test\r\nAuthorization: Negotiate %s\r\n\r\n' \
        "$(head -c 100000 /dev/zero | base64 --wrap=0)" >&"$socket"
    timeout 60 sed '/SEC_E_/q' <&"$socket" | tr -d '\r' || true
    exec {socket}>&-
}

# sent_token: prints the header field with which curl has authenticated itself.
sent_token() {
    timeout 60 curl --silent --verbose --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" \
        --negotiate --user : "$url" 2>&1 | sed -n 's/^> \(Authorization: Negotiate .*\)$/\1/p' | tr -d '\r' | tail -n 1
}

talk() {
    local name=$1 known='a client (the package does not report its name)' log_on=(--negotiate --user :) token
    start request
    expect "$name, knows the client" "$known"$'\n200 1' get "${log_on[@]}" "$url"
    expect "$name, two requests on one connection" "$known"$'\n200 1\n'"$known"$'\n200 0' \
        get "${log_on[@]}" "$url" "$url"
    expect "$name, without credentials" $'who are you[?]\n401 1' get "$url"
    expect "$name, without a ticket" $'who are you[?]\n401 *' env KRB5CCNAME=FILE:/nowhere timeout 60 curl --silent \
        --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" --write-out '%{http_code} %{num_connects}\n' \
        "${log_on[@]}" "$url"

    local -A hostile=(
        [empty]='Negotiate' [bad]='Negotiate !!!' [unpadded]='Negotiate YQ' [two]='Negotiate YQ==, Negotiate YQ=='
        [garbage]='Negotiate R2FyYmFnZQ==' [zeros]='Negotiate AAAAAAAAAAAAAAAA'
        [basic]='Basic YWxpY2U6c2VjcmV0'
    )
    local kind
    for kind in "${!hostile[@]}"; do
        expect "$name, $kind" $'SEC_E_*\n401 1' get --header "Authorization: ${hostile[$kind]}" "$url"
    done
    # A valid first token of NTLM. The server refuses it, or sends a challenge if the platform has NTLM, as WinPR does, and Wine
    # with Samba's ntlm_auth.
    expect "$name, ntlm" $'*\n401 1' get \
        --header 'Authorization: Negotiate TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=' "$url"
    printf 'Authorization: Negotiate %s\n' "$(head -c 49152 /dev/zero | base64 --wrap=0)" >"$scratch/long"
    expect "$name, a header of 64 KiB" $'SEC_E_*\n401 1' get --header "@$scratch/long" "$url"
    expect "$name, a header above the limit" $'HTTP/1.1 401 *SEC_E_INVALID_TOKEN*' answer_to_long
    token=$(sent_token)
    expect "$name, a token" 'Authorization: Negotiate Y*' printf '%s' "$token"
    expect "$name, a replayed token" $'SEC_E_*\n401 1' get --header "$token" "$url"
    expect "$name, knows the client after all this" "$known"$'\n200 1' get "${log_on[@]}" "$url"
    # Two requests on one connection. The field that curl sends on its own replaces the field of the handshake.
    expect "$name, a failure on a connection" $'SEC_E_*\n401 1\nSEC_E_*\n401 0' \
        get --header 'Authorization: Negotiate AAAA' "$url" "$url"
    finish "$name"

    start connection
    expect "$name, one handshake for a connection" "$known"$'\n200 1\n'"$known"$'\n200 0' get "${log_on[@]}" "$url" "$url"
    expect "$name, another connection" $'who are you[?]\n401 1' get "$url"
    # curl 7 uses one connection for all of these requests.
    expect "$name, a connection that loses its client" \
        "$known"$'\n200 1\nSEC_E_*\n401 [01]\nwho are you[?]\n401 0' \
        get "${log_on[@]}" "$url" --next --silent --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" \
        --write-out '%{http_code} %{num_connects}\n' --header 'Authorization: Negotiate AAAA' "$url" --next --silent \
        --noproxy '*' --resolve "server.sspan.test:$port:127.0.0.1" --write-out '%{http_code} %{num_connects}\n' "$url"
    finish "$name"
}
everywhere "$server" interop_curl talk

totals
