#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/interop/run.sh [--with-winpr3] PEER: tests sspan with other software, a peer. Each folder here is a peer, and a test of
# ctest: `ctest --preset mingw -L interop` runs all of them. The last line says how many cases passed.
#
# Needs build/mingw. With --with-winpr3, or with SSPAN_WITH_WINPR3 in the environment, the peers also test sspan on WinPR 3, in
# a Debian 13 of its own (tests/root.sh).
#
# The script of a peer is tests/interop/PEER/run.sh. It starts in the folder of the project. Wine runs, and the environment has
# the realm of realm_start. The script may add principals with kadmin.local; it writes their keys to its own keytabs. Its last
# command is `totals`, or `skip` if it cannot run here. It must end all processes that it started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

if [[ ${1:-} == --with-winpr3 ]]; then
    export SSPAN_WITH_WINPR3=1
    shift
fi
[[ $# -eq 1 && -x tests/interop/$1/run.sh ]] || fail "usage: ${0##*/} [--with-winpr3] PEER"

needs "${wine_packages[@]}" "${realm_packages[@]}" python3
wine_start
realm_start
"tests/interop/$1/run.sh" 9>&- # a program that the script leaves must not hold the lock
