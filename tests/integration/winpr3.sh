#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests WinPR 3 and its own packages with a real KDC. Runs in the Debian 13 of tests/run.sh. Needs build/winpr3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/kerberos_realm.sh
. tests/integration/kerberos_realm.sh

[[ -e /sspan-root ]] || skip 'this script writes to /etc/winpr, so it runs only in a Debian that tests/root.sh made'
needs "${realm_packages[@]}" "${winpr3_packages[@]}"
realm_start
other=echo/other.sspan.test
logged kadmin.local addprinc -randkey "$other"
kerberos_realm "$alice_password" "$service" "$other"
# A user without a ticket. If a ticket exists, WinPR uses it and does not use the password.
logged kadmin.local addprinc -pw "$alice_password" bob
mkdir -p /etc/winpr
winpr-hash3 -u alice -d SSPAN -p "$alice_password" -f sam >/etc/winpr/SAM

export SSPAN_RUNNER='' SSPAN_BUILD=build/winpr3 SSPAN_SUFFIX=''
export SSPAN_SERVICE=$service SSPAN_OTHER_SERVICE=$other SSPAN_PASSWORD=$alice_password SSPAN_USER=bob
export WLOG_LEVEL=OFF # turns WinPR's own log off
# Functions of WinPR and of Kerberos have no frame pointers.
export ASAN_OPTIONS=fast_unwind_on_malloc=0 LSAN_OPTIONS=suppressions=$PWD/tests/integration/winpr3.supp:print_suppressions=0
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh

realm=$scratch/realm
KRB5_TRACE=$realm/trace google_tests 'both sides with Kerberos' kerberos_tests '--gtest_filter=-*without_kdc*'
KRB5_TRACE=$realm/trace KRB5_CONFIG=$realm/no_kdc.conf \
    google_tests 'without the KDC' kerberos_tests '--gtest_filter=*without_kdc*'
google_tests 'functions that only WinPR has' winpr_tests
python_tests secure_echo_test.py

totals
