# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# To be sourced after suites.sh: each type of session key. The programs are Windows programs of build/mingw, unless the
# variables that suites.sh describes say something else.

SSPAN_RUNNER=${SSPAN_RUNNER-wine} SSPAN_BUILD=${SSPAN_BUILD:-build/mingw} SSPAN_SUFFIX=${SSPAN_SUFFIX-.exe}
SSPAN_RUNNER="timeout --foreground 300 $SSPAN_RUNNER"

# with_every_key PRINCIPAL COMMAND...: runs the command with each type, which is its last argument. Alice has a new ticket
# for the principal each time.
with_every_key() {
    local principal=$1 given=$KRB5_CONFIG type
    shift
    for type in aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192 aes128-cts-hmac-sha256-128; do
        # shellcheck disable=SC2154 # environment.sh sets scratch
        local config=$scratch/$type.conf ticket=FILE:$scratch/$type.ticket
        logged kadmin.local setstr "$principal" session_enctypes "$type"
        sed "s/^\[libdefaults\]/&\n    permitted_enctypes = $type aes256-cts-hmac-sha1-96/" "$given" >"$config"
        # shellcheck disable=SC2154 # environment.sh sets alice_password
        KRB5_CONFIG=$config kinit -c "$ticket" alice <<<"$alice_password" >/dev/null
        KRB5_CONFIG=$config logged kvno -c "$ticket" "$principal"
        klist -e -c "$ticket" | grep -A 2 "$principal" | grep -q "skey, tkt): $type" ||
            fail "there is no session key of type $type"
        KRB5_CONFIG=$config KRB5CCNAME=$ticket "$@" "$type"
    done
}
