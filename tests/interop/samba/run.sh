#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests with Samba's domain controller: its LDAP server, with tickets of its own KDC. The first client is ldapsearch, then the
# client with sspan, with each type of session key that both Samba and SSPI have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh

readonly types=(aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96) run_seconds=300
readonly password='Correct horse 1' # a domain demands several kinds of characters

needs samba samba-ad-dc samba-ad-provision winbind iproute2 python3 ldap-utils libsasl2-modules-gssapi-mit
export PATH=$PATH:/usr/sbin:/sbin

# The domain ends when its input ends. This script keeps the input open.
as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)
mkfifo "$scratch/hold"
"${as_root[@]}" python3 -B tests/interop/samba/domain.py "$scratch/domain" "$password" \
    >"$scratch/domain.log" 2>&1 <"$scratch/hold" 9>&- &
domain=$!
exec 7>"$scratch/hold"
started+=("$domain")
for ((i = 0; i < 1800; ++i)); do
    grep -q '^ready' "$scratch/domain.log" && break
    kill -0 "$domain" 2>/dev/null || break
    sleep 0.1
done
read -r _ kdc_port port sid < <(grep '^ready' "$scratch/domain.log") || {
    cat "$scratch/domain.log"
    fail 'the domain did not start'
}

sid_in_base64=$(python3 -c 'import base64, sys; print(base64.b64encode(bytes.fromhex(sys.argv[1])).decode())' "$sid")

export KRB5_CONFIG KRB5CCNAME
for type in "${types[@]}"; do
    krb5_config AD.SSPAN.TEST "$kdc_port" |
        sed "s/^\[libdefaults\]/&\n    permitted_enctypes = $type/" >"$scratch/$type.conf"
    KRB5_CONFIG=$scratch/$type.conf KRB5CCNAME=FILE:$scratch/$type.ticket
    kinit alice <<<"$password" >/dev/null
    logged kvno ldap/localhost
    klist -e | grep -A 2 ldap/localhost | grep -q "skey, tkt): $type" || fail "there is no session key of type $type"

    # First ldapsearch, with each layer.
    for mechanism in GSSAPI GSS-SPNEGO; do
        for layer in maxssf=0 minssf=1,maxssf=1 minssf=2; do
            said=$(timeout 30 ldapsearch -N -Q -LLL -H "ldap://localhost:$port" -Y "$mechanism" -O "$layer" -s base -b '' \
                tokenGroups 2>&1) || true
            wanted="tokenGroups:: $sid_in_base64"
            [[ $layer != maxssf=0 ]] || wanted='Sign or Seal are required'
            [[ $said == *"$wanted"* ]] || fail "ldapsearch cannot talk to the server with $mechanism, $layer: $said"
        done
    done

    SSPAN_RUNNER="timeout --foreground --kill-after=2 $run_seconds wine" SSPAN_BUILD=build/mingw SSPAN_SUFFIX=.exe \
        google_tests "wine, $type" interop/interop_samba "$port" "$sid"
done
[[ $failed -eq 0 ]] || tail -n 40 "$scratch/domain.log"

exec 7>&-
wait "$domain" || fail "the domain ended with an error: $(tail -n 40 "$scratch/domain.log")"
unset 'started[-1]'

totals
