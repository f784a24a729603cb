#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with .NET's NegotiateStream. Peer.cs talks to itself first, then to sspan, in both roles and with each type of session
# key. Debian has no package of .NET.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

unset SSPAN_WITH_WINPR3 # WinPR 3 has no messages with integrity only, so Sign cannot work; EncryptAndSign was not tried

command -v dotnet >/dev/null || skip 'there is no dotnet here'
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_HOME=$scratch MSBUILDDISABLENODEREUSE=1
mkdir "$scratch/dotnet"
cp tests/interop/dotnet/{Peer.cs,peer.csproj} "$scratch/dotnet"
logged dotnet build --disable-build-servers -c Release -o "$scratch/dotnet/out" "$scratch/dotnet/peer.csproj"
peer=(timeout --foreground --kill-after=2 "$run_seconds" dotnet "$scratch/dotnet/out/peer.dll")

readonly host=host/server.sspan.test
principal "$host"
principal host/other.sspan.test
logged kadmin.local ktadd -norandkey -k "$scratch/dotnet/keytab" "$host"
export KRB5_KTNAME=FILE:$scratch/dotnet/keytab

# serve NAME COMMAND...: starts a server. It ends when its input ends. Sets $port.
serve() {
    local output=$scratch/dotnet/$1
    mkfifo "$output.input"
    rm -f "$output" # the last server of this name left its port there
    "${@:2}" >"$output" 2>"$output.errors" <"$output.input" &
    started+=("$!")
    exec {input}>"$output.input"
    inputs+=("$input")
    wait_for "$output" '[0-9]' "$!"
    port=$(tr -dc 0-9 <"$output")
}
# end_servers: closes the inputs of all servers, and waits until the servers have ended.
end_servers() {
    for input in "${inputs[@]}"; do exec {input}>&-; done
    for server in "${started[@]:$other_processes}"; do wait "$server" || true; done
    started=("${started[@]:0:$other_processes}")
    inputs=()
    rm -f "$scratch"/dotnet/*.input
}
inputs=()
other_processes=${#started[@]}

# cases NAME PORT LEVEL: runs the cases of .NET's client with the server at this port.
cases() {
    local printed=$scratch/dotnet/cases
    "${peer[@]}" client "$2" "$3" "$host" >"$printed" 2>&1 </dev/null || true
    add_counts "$1" "$printed"
}

# refused NAME PORT LEVEL TARGET REASON: checks that the server refuses .NET's client, and that the client reports the reason.
refused() {
    local said
    if said=$("${peer[@]}" refused "$2" "$3" "$4" 2>&1 </dev/null) && [[ $said == *$5* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: %s\n' "$1" "$said"
    fi
}

serve itself "${peer[@]}" server EncryptAndSign Identification
"${peer[@]}" client "$port" EncryptAndSign "$host" >"$scratch/dotnet/itself.cases" 2>&1 </dev/null ||
    fail ".NET cannot talk to itself: $(cat "$scratch/dotnet/itself.cases" "$scratch/dotnet/itself.errors")"
end_servers

# show_example NAME: runs examples/negotiate_stream as a server. The clients are .NET and the example itself.
show_example() {
    local example said
    read -ra example <<<"$SSPAN_RUNNER"
    example+=("$PWD/$SSPAN_BUILD/examples/negotiate_stream$SSPAN_SUFFIX")
    port=$(free_port)
    rm -f "$scratch/dotnet/example" # the last run left its output there
    "${example[@]}" server "$port" >"$scratch/dotnet/example" 2>&1 </dev/null &
    started+=("$!")
    wait_for "$scratch/dotnet/example" listening "$!"
    if said=$("${peer[@]}" greet "$port" "$host" 'pay 100' 2>&1) && [[ $said == 'PAY 100' ]] &&
        said=$("${example[@]}" client 127.0.0.1 "$port" "$host" 'pay 100' 2>&1) &&
        [[ ${said//$'\r'/} == 'encrypted and signed: PAY 100' ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'example, %s: %s\n' "$1" "$said"
        cat "$scratch/dotnet/example"
    fi
    kill "${started[-1]}"
    wait "${started[-1]}" || true
    unset 'started[-1]'
}

# talk NAME: tests sspan with .NET in both roles.
talk() {
    local ports=() level command
    serve encrypt "${peer[@]}" server EncryptAndSign Identification
    ports+=("$port")
    serve sign "${peer[@]}" server Sign Identification
    ports+=("$port")
    serve delegate "${peer[@]}" server EncryptAndSign Delegation
    ports+=("$port")
    google_tests "client, $1" interop/interop_dotnet_client "${ports[@]}"
    end_servers

    read -ra command <<<"$SSPAN_RUNNER"
    command+=("$PWD/$SSPAN_BUILD/tests/interop/interop_dotnet_server$SSPAN_SUFFIX")
    for level in EncryptAndSign Sign; do
        serve "$level" "${command[@]}" "$([[ $level == Sign ]] && echo sign || echo encrypt)"
        cases "server, $level, $1" "$port" "$level"
    done
    refused "another target, $1" "$port" Sign host/other.sspan.test ''
    end_servers
    show_example "$1"
    serve demanding "${command[@]}" encrypt demanding
    refused "a server that demands more, $1" "$port" EncryptAndSign "$host" 'remote'
    end_servers
}
everywhere "$host" interop_dotnet_client talk

[[ $failed -eq 0 ]] || tail -n 20 "$scratch"/dotnet/*.errors

totals
