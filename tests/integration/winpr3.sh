#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# WinPR 3 and its own packages, against a real KDC. Runs in the Debian 13 of tests/trixie.sh, where build/winpr3 must be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

[[ -e /sspan-root ]] || fail 'this writes to /etc/winpr: it is for the Debian 13 that tests/trixie.sh makes'
realm_start
other=echo/other.sspan.test
logged kadmin.local addprinc -randkey "$other"
# Who has no ticket: WinPR takes one that is there instead of asking for the password.
logged kadmin.local addprinc -pw "$alice_password" bob
mkdir -p /etc/winpr
winpr-hash3 -u alice -d SSPAN -p "$alice_password" -f sam >/etc/winpr/SAM

export SSPAN_RUNNER='' SSPAN_BUILD=build/winpr3 SSPAN_SUFFIX=''
export SSPAN_SERVICE=$service SSPAN_OTHER_SERVICE=$other SSPAN_PASSWORD=$alice_password SSPAN_USER=bob
export WLOG_LEVEL=OFF # WinPR's own log
# Its functions and Kerberos' have no frame pointers.
export ASAN_OPTIONS=fast_unwind_on_malloc=0 LSAN_OPTIONS=suppressions=$PWD/tests/integration/winpr3.supp:print_suppressions=0
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh

google_tests 'both sides with Kerberos and NTLM' winpr_tests
python_tests secure_echo_test.py

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
