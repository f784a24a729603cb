#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with OpenLDAP's server and Cyrus SASL. The first client is ldapwhoami, then the client with sspan, with each type of
# session key.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh
# shellcheck source=tests/interop/platforms.sh
. tests/interop/platforms.sh

needs slapd ldap-utils libsasl2-modules-gssapi-mit
server=ldap/localhost
principal "$server"
principal ldap/other.sspan.test
keytab=$scratch/ldap.keytab
logged kadmin.local ktadd -norandkey -k "$keytab" "$server"

# slapd_start NAME SECPROPS: starts a server with these security properties. Sets $port.
slapd_start() {
    local dir=$scratch/slapd-$1
    mkdir "$dir"
    port=$(free_port)
    cat >"$dir/slapd.conf" <<CONFIG
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile $dir/pid
sasl-host localhost
sasl-secprops $2
CONFIG
    KRB5_KTNAME=FILE:$keytab KRB5RCACHENAME=file2:$dir/replays \
        /usr/sbin/slapd -f "$dir/slapd.conf" -h "ldap://127.0.0.1:$port" -d stats >"$dir/log" 2>&1 </dev/null &
    started+=("$!")
    wait_for "$dir/log" 'slapd starting' "$!"
}
slapd_start any noanonymous
any=$port
slapd_start weak noanonymous,maxssf=1
weak=$port
slapd_start strict noanonymous,minssf=2,maxbufsize=2000
strict=$port

# First ldapwhoami, with each layer.
for mechanism in GSSAPI GSS-SPNEGO; do
    for properties in maxssf=0 minssf=1,maxssf=1 minssf=2; do
        [[ $mechanism == GSSAPI || $properties == minssf=2 ]] || continue # with GSS-SPNEGO, the context is always encrypted
        said=$(timeout 30 ldapwhoami -N -Q -H "ldap://localhost:$any" -Y "$mechanism" -O "$properties" 2>&1) || true
        [[ $said == "dn:uid=alice,cn=${mechanism,,},cn=auth" ]] ||
            fail "ldapwhoami cannot talk to the server with $mechanism, $properties: $said"
    done
done

python3 -B tests/interop/sasl_proxy.py "$any" >"$scratch/proxy.log" 2>&1 </dev/null &
started+=("$!")
wait_for "$scratch/proxy.log" '^port [0-9]' "$!"
proxy=$(sed -n 's/^port \([0-9]*\).*/\1/p' "$scratch/proxy.log")

talk() { google_tests "$1" interop/interop_slapd "$any" "$weak" "$strict" "$proxy"; }
everywhere "$server" interop_slapd talk

# Then examples/ldap_whoami, if it is built.
example=build/mingw/examples/ldap_whoami.exe
if [[ -e $example ]]; then
    for mechanism in gssapi gss-spnego; do
        said=$(timeout 60 wine "$example" --host 127.0.0.1 --port "$any" --target "$server" --mechanism "$mechanism" \
            2>&1 </dev/null | tr -d '\r') || true
        if [[ $said == "dn:uid=alice,cn=$mechanism,cn=auth (confidentiality)" ]]; then
            passed=$((passed + 1))
        else
            printf 'ldap_whoami: %s\n' "$said"
            failed=$((failed + 1))
        fi
    done
fi
[[ $failed -eq 0 ]] || tail -n 40 "$scratch"/slapd-*/log

totals
