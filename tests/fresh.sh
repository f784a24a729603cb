#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tests/fresh.sh RELEASE COMMAND...: makes a new Debian of this release (bookworm, trixie) with the essential packages only, as
# on a fresh machine, and runs a command of this tree in it. The Debian is removed if the command succeeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/root.sh
. tests/root.sh

[[ $# -ge 2 ]] || fail "usage: ${0##*/} RELEASE COMMAND..."
root_open "fresh-$1"
root_remove
root_make "$1"
"${in_root[@]}" "${@:2}"
root_remove
