#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How much of include/ the native tests run: lines and branches, by clang's source-based coverage. Lists what they do not
# run. The last line says how many of the two goals were reached.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

readonly lines_goal=98 branches_goal=90

# shellcheck source=/dev/null
winpr=$(. /etc/os-release && [[ ${VERSION_ID:-} == 12 ]] && echo libwinpr2-dev || echo libwinpr3-dev)
install_missing cmake ninja-build clang-19 llvm-19 libclang-rt-19-dev libmsgsl-dev nlohmann-json3-dev googletest python3 "$winpr"
rm -rf build/native-clang/coverage
logged cmake --workflow --preset native-clang

programs=()
for program in build/native-clang/tests/*_tests; do
    programs+=(-object "$program")
done
llvm-profdata-19 merge -sparse build/native-clang/coverage/*.profraw -o "$scratch/coverage.profdata"
covered() {
    llvm-cov-19 "$@" "${programs[@]}" -instr-profile="$scratch/coverage.profdata" -ignore-filename-regex='^(?!.*/include/sspan/)'
}
