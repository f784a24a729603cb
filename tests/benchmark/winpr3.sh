#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Measures messages per second with WinPR 3's Kerberos and NTLM. Runs in the Debian 13 of run.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

[[ -e /sspan-root ]] || fail 'this script writes to /etc/winpr, so it runs only in a Debian that tests/root.sh made'
realm_start
mkdir -p /etc/winpr
winpr-hash3 -u alice -d SSPAN -p "$alice_password" -f sam >/etc/winpr/SAM
logged cmake --preset benchmark
logged cmake --build build/benchmark --target overhead_messages
export SSPAN_SERVICE=$service SSPAN_PASSWORD=$alice_password WLOG_LEVEL=OFF
for package in Kerberos NTLM; do
    build/benchmark/tests/benchmark/overhead_messages "$package" "WinPR 3's $package"
done
