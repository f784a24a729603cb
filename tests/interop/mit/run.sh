#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# MIT's GSS-API library: judge.py says what it does. ../run.sh starts this. Options of judge.py may follow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

install_missing python3-gssapi
export PYTHONPATH=tests/interop:tests/interop/mit KRB5_KTNAME=FILE:$scratch/service.keytab

# A key type is the session key's if it is the only one of the service and the first one of the client; the tickets are
# still encrypted with the service's own key.
key_types=(aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha256-128 aes256-cts-hmac-sha384-192)
for key_type in "${key_types[@]}"; do
    principal=mit/$key_type.sspan.test
    logged kadmin.local addprinc -randkey "$principal"
    logged kadmin.local setstr "$principal" session_enctypes "$key_type"
    logged kadmin.local ktadd -k "$scratch/service.keytab" "$principal"
    sed "s/^\[libdefaults\]/&\n    permitted_enctypes = $key_type aes256-cts-hmac-sha1-96/" "$KRB5_CONFIG" \
        >"$scratch/$key_type.conf"
done

passed=0 failed=0

# judge NAME KEY_TYPE OPTION...: adds up how many cases passed.
judge() {
    local name=$1 key_type=$2 log=$scratch/judge.log
    shift 2
    KRB5_CONFIG=$scratch/$key_type.conf timeout --kill-after=10 600 /usr/bin/python3 -B tests/interop/mit/judge.py "$@" \
        "$key_type" "mit/$key_type.sspan.test@SSPAN.TEST" >"$log" 2>&1 </dev/null &
    started+=("$!")
    wait "$!" || true
    unset 'started[-1]'
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
        sed -i '$d' "$log"
        printf '%s, %s: %d passed, %d failed\n' "$name" "$key_type" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    else
        failed=$((failed + 1))
        printf '%s, %s: it did not end\n' "$name" "$key_type"
    fi
    cat "$log"
}

readonly wine_mirror='wine build/mingw/tests/interop/mirror.exe'
[[ -e ${wine_mirror#* } ]] || fail "${wine_mirror#* } is not built"
for key_type in "${key_types[@]}"; do
    judge 'MIT with itself' "$key_type" "$@"
    judge 'sspan with MIT' "$key_type" --mirror "$wine_mirror" "$@"
done

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
