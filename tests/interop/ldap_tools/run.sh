#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with OpenLDAP's clients and Cyrus SASL. The server uses sspan, with each type of session key. tests/interop/slapd proves
# that these clients work with OpenLDAP's own server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

needs ldap-utils libsasl2-modules-gssapi-mit
server=ldap/localhost
kadmin.local addprinc -randkey "$server" >/dev/null 2>&1 || true # the peer slapd may have made this principal
logged kadmin.local ktadd -norandkey -k "$scratch/ldap.keytab" "$server"

# program_start NAME COMMAND...: starts a program that prints its port. Sets $port and $pid.
program_start() {
    local log=$scratch/$1.log
    shift
    rm -f "$log"
    "$@" >"$log" 2>&1 </dev/null 9>&- &
    pid=$!
    started+=("$pid")
    wait_for "$log" '^port [0-9]' "$pid"
    port=$(sed -n 's/^port \([0-9]*\).*/\1/p' "$log")
}

# serve LAYERS MAX_BUFFER: ends the server and starts a new one. Sets $served, its port.
served='' server_pid=''
serve() {
    local command
    [[ -z $server_pid ]] || end "$server_pid"
    read -ra command <<<"$SSPAN_RUNNER"
    command+=("$PWD/$SSPAN_BUILD/tests/interop/interop_ldap_server$SSPAN_SUFFIX" "$@")
    KRB5_KTNAME=FILE:$scratch/ldap.keytab program_start server "${command[@]}"
    served=$port server_pid=$pid
}

# check WHAT EXPECTED COMMAND...: checks that the command prints a line that matches the pattern EXPECTED.
check() {
    local what=$1 expected=$2 said
    shift 2
    said=$(timeout 60 "$@" 2>&1) || true
    # shellcheck disable=SC2053 # it is a pattern
    if grep -q -- "$expected" <<<"$said"; then
        passed=$((passed + 1))
    else
        printf '%s: %s: expected "%s", got: %s\n' "$where" "$what" "$expected" "${said:0:1000}"
        failed=$((failed + 1))
    fi
}

# tool NAME OPTION...: runs a client of the server, or of the proxy at port $asked. Replaces a long text by its length.
tool() {
    local name=$1
    shift
    "$name" -N -Q -H "ldap://localhost:${asked:-$served}" "$@" |&
        awk '/^description: x*$/ { $0 = "description: " length - length("description: ") } { print }'
}
export -f tool

whoami_is() { check "ldapwhoami ${*:2}" "$1" "${client[@]}" ldapwhoami "${@:2}"; }
search_has() { check "ldapsearch ${*:2}" "$1" "${client[@]}" ldapsearch -LLL -o ldif-wrap=no -s base "${@:2}"; }

# altered SIDE OPTION...: changes a buffer on its way from this side. The client must fail, and the server must continue.
altered() {
    local side=$1
    shift
    program_start proxy python3 -B tests/interop/sasl_proxy.py "$served" "$side" 0 -1
    asked=$port whoami_is "Can't contact LDAP server\|Decoding error\|Local error" "$@"
    end "$pid"
    check "the proxy for $side" '^changed' cat "$scratch/proxy.log"
    whoami_is '^confidentiality' -Y "$2"
}

ask() {
    where=$1
    local fifty mechanism properties
    export served asked=
    client=(bash -c 'tool "$@"' tool)
    fifty=$(printf 'x%.0s' {1..50000})
    local with=(GSS-SPNEGO)
    [[ ${SSPAN_ONLY_SEALED:-} ]] || with+=(GSSAPI)
    serve 7 65536
    for mechanism in "${with[@]}"; do
        whoami_is '^confidentiality, nobody$' -Y "$mechanism"
        search_has '^size: [0-9]*$' -Y "$mechanism" -b cn=10
        search_has '^description: 300000$' -Y "$mechanism" -b cn=300000
        search_has '^size: 50[0-9]*$' -Y "$mechanism" -b cn=10 "(cn=$fifty)"
        altered client -Y "$mechanism"
        altered server -Y "$mechanism"
    done
    if [[ ${SSPAN_ONLY_SEALED:-} ]]; then
        whoami_is 'SEC_E_QOP_NOT_SUPPORTED' -Y GSSAPI # SASL sends the choice of the layer with integrity only
        return
    fi
    whoami_is '^integrity, nobody$' -Y GSSAPI -O maxssf=1
    whoami_is '^none, nobody$' -Y GSSAPI -O maxssf=0
    whoami_is '^confidentiality, u:alice$' -Y GSSAPI -X u:alice
    whoami_is 'nobody may act as u:bob' -Y GSSAPI -X u:bob
    for properties in maxbufsize=2000 maxbufsize=2000,maxssf=1; do
        whoami_is ', small buffers$' -Y GSSAPI -O "$properties"
        search_has '^description: 300000$' -Y GSSAPI -O "$properties" -b cn=300000
    done
    for properties in maxssf=1 maxssf=0; do
        search_has '^description: 100000$' -Y GSSAPI -O "$properties" -b cn=100000
    done

    serve 4 2000
    whoami_is '^confidentiality, nobody$' -Y GSSAPI
    search_has '^fits: yes$' -Y GSSAPI -b cn=10 "(cn=$fifty)"
    search_has '^size: 50[0-9]*$' -Y GSSAPI -b cn=10 "(cn=$fifty)"
    whoami_is 'Local error\|too weak' -Y GSSAPI -O maxssf=1
    whoami_is 'did not grant confidentiality' -Y GSSAPI -O maxssf=0

    serve 3 65536
    whoami_is '^integrity, nobody$' -Y GSSAPI
    whoami_is 'Local error\|too weak' -Y GSSAPI -O minssf=2
    end "$server_pid"
    server_pid=
}
everywhere "$server" interop_ldap_server ask
[[ $failed -eq 0 ]] || tail -n 40 "$scratch/server.log"

totals
