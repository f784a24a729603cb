#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checks that the program in the README is examples/quick_start.cpp without its comment. That file is compiled and run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC2016 # the backticks are Markdown's
diff -u <(sed -n '/^```cpp$/,/^```$/p' README.md | sed '1d;$d') <(sed -n '/^#include/,$p' examples/quick_start.cpp)
