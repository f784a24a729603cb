#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The example programs against a real KDC, and against peers that are not what they should be. build/mingw must be there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

install_missing python3 krb5-kdc krb5-admin-server krb5-user wine wine64
wine_start
realm_start
other=echo/other.sspan.test
logged kadmin.local addprinc -randkey "$other"
SSPAN_RUNNER=wine SSPAN_ECHO=build/mingw/examples/secure_echo.exe SSPAN_SERVICE=$service SSPAN_OTHER_SERVICE=$other \
    SSPAN_PASSWORD=$alice_password python3 tests/integration/secure_echo_test.py "$@"
