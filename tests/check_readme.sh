#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The program in the README is examples/quick_start.cpp, which gets compiled and run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC2016 # the backticks are Markdown's
diff -u <(sed -n '/^```cpp$/,/^```$/p' README.md | sed '1d;$d') <(sed 1d examples/quick_start.cpp)
