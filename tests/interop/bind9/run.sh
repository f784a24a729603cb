#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with BIND and GSS-TSIG. The first client is nsupdate, then the client with sspan, with each type of session key. dig
# shows what they changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

needs bind9 bind9-dnsutils
server=DNS/server.sspan.test
principal "$server"
principal DNS/other.sspan.test

dir=$scratch/bind9
mkdir "$dir"
logged kadmin.local ktadd -norandkey -k "$dir/keytab" "$server"
port=$(free_port)
cat >"$dir/named.conf" <<CONFIG
options {
    directory "$dir";
    pid-file none;
    session-keyfile none;
    listen-on port $port { 127.0.0.1; };
    listen-on-v6 { none; };
    recursion no;
    dnssec-validation no;
    allow-transfer { any; };
    tkey-gssapi-keytab "$dir/keytab";
};
controls { };
zone "sspan.test" {
    type primary;
    file "$dir/zone";
    update-policy { grant alice@SSPAN.TEST zonesub ANY; };
};
CONFIG
cat >"$dir/zone" <<ZONE
\$TTL 300
@       SOA server hostmaster 1 3600 600 86400 300
        NS  server
server  A   127.0.0.1
ZONE
KRB5RCACHENAME=file2:$dir/replays named -g -c "$dir/named.conf" >"$dir/log" 2>&1 </dev/null &
started+=("$!")
wait_for "$dir/log" ' running$' "$!"

# hosts: asks the server for the names in the zone, and prints them.
hosts() {
    timeout 60 dig +noall +answer +onesoa +time=20 +tries=1 @127.0.0.1 -p "$port" sspan.test axfr |
        sed -n 's/\.sspan\.test\.[[:space:]].*//p' | sort -u
}

timeout 60 nsupdate -g >"$dir/nsupdate.log" 2>&1 <<UPDATE || true
server 127.0.0.1 $port
zone sspan.test
update add nsupdate.sspan.test 300 A 192.0.2.1
send
UPDATE
hosts | grep -x nsupdate >"$dir/found" || fail "nsupdate cannot talk to the server: $(cat "$dir/nsupdate.log" "$dir/log")"

# check NAME COMMAND...: runs one case and counts it.
check() {
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        printf '%s: failed\n' "$name"
        failed=$((failed + 1))
    fi
}
none_begins_with() { ! hosts | grep "^$1"; }
one_is() { hosts | grep -x "$1" >"$dir/found"; } # grep reads all input, so that `hosts` does not fail

talk() { google_tests "$1" interop/interop_bind9 "$port"; }
everywhere "$server" interop_bind9 talk
check 'accepted updates' one_is accepted
check 'refused updates' none_begins_with refused
[[ $failed -eq 0 ]] || tail -n 60 "$dir/log"

totals
