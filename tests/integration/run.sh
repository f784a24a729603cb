#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/integration/run.sh [PART...]: runs tests under Wine. Needs build/mingw. Without a PART it runs all parts:
#   kerberos     Kerberos with a real KDC, the examples, and secure_echo against hostile peers
#   load         ten million messages, and a server under load
#   registered   the loopback package, registered as a package of the system
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/kerberos_realm.sh
. tests/integration/kerberos_realm.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh

parts=("$@")
[[ $# -gt 0 ]] || parts=(kerberos load registered)

kerberos() {
    local realm=$scratch/realm zone web=HTTP/server.sspan.test
    KRB5_TRACE=$realm/trace google_tests 'both sides with Kerberos' kerberos_tests '--gtest_filter=-*without_kdc*'
    KRB5_TRACE=$realm/trace KRB5_CONFIG=$realm/no_kdc.conf \
        google_tests 'without the KDC' kerberos_tests '--gtest_filter=*without_kdc*'
    for zone in Asia/Kolkata America/Anchorage; do # local time is ahead, and behind
        TZ=$zone google_tests "expiry in $zone" kerberos_tests '--gtest_filter=*end_with_the_ticket*'
    done

    python_tests secure_echo_test.py

    # A native peer that uses only GSSAPI.
    export SSPAN_GSS_PEER=$scratch/gss_peer
    logged cc -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror -O1 -g \
        -fsanitize=address,undefined -fno-sanitize-recover=all tests/integration/gss_peer.c -o "$SSPAN_GSS_PEER" -lgssapi_krb5
    python_tests gss_peer_test.py

    python_tests tcp_test.py
    logged kadmin.local addprinc -randkey "$web"
    logged kadmin.local ktadd -norandkey -k "$scratch/web.keytab" "$web"
    SSPAN_WEB_KEYTAB=FILE:$scratch/web.keytab python_tests examples_test.py
}

load() {
    google_tests 'ten million messages' soak_tests
    grep ' messages; resident ' "$scratch/tests.log" || true
    python_tests load_test.py
}

# registered: registers the loopback package with the system, and removes the entry after the tests.
registered() {
    local providers='HKLM\System\CurrentControlSet\Control\SecurityProviders'
    cp build/mingw/tests/libsspan_loopback_package.dll "$WINEPREFIX/drive_c/windows/system32/sspan_loopback.dll"
    wine reg delete "$providers" /v SecurityProviders /f >/dev/null 2>&1 </dev/null || true # a killed script may have left it
    logged wine reg add "$providers" /v SecurityProviders /t REG_SZ /d sspan_loopback.dll /f
    google_tests 'a registered package, real thread tokens' registered_tests
    python_tests second_hop_test.py
    logged wine reg delete "$providers" /v SecurityProviders /f
}

for part in "${parts[@]}"; do
    [[ $part =~ ^(kerberos|load|registered)$ ]] || fail "usage: ${0##*/} [kerberos|load|registered]..."
done
needs "${wine_packages[@]}" "${realm_packages[@]}" "${integration_packages[@]}"
[[ -e build/mingw/tests/programs/secure_echo.exe ]] || skip 'build/mingw is not built'
wine_start
realm_start
other=echo/other.sspan.test
logged kadmin.local addprinc -randkey "$other"
kerberos_realm "$alice_password" "$service" "$other"
export SSPAN_SERVICE=$service SSPAN_PASSWORD=$alice_password SSPAN_OTHER_SERVICE=$other
export SSPAN_RUNNER=wine SSPAN_BUILD=build/mingw SSPAN_SUFFIX=.exe
for part in "${parts[@]}"; do "$part"; done
totals
