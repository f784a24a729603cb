#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Each block of C++ in docs/*.md stands in a file of tests/docs, which gets compiled. Indentation does not matter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
awk '
    { sub(/^[ \t]+/, "") }
    FNR == 1 { block = ""; code = code "\f\n" }
    FILENAME !~ /\.md$/ { code = code $0 "\n"; next }
    /^```cpp/ { block = "\n"; first = FNR; next }
    block == "" { next }
    !/^```/ { block = block $0 "\n"; next }
    { blocks++ }
    !index(code, block) { print FILENAME ":" first ": no file of tests/docs has this block"; failed = 1 }
    { block = "" }
    END { exit failed || !blocks }
' tests/docs/*.cpp docs/*.md
