#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checks the pages:
# - Each block of C++ in docs/*.md is part of a file in tests/docs, which is compiled.
# - Each link to a file or heading of this repository has a target.
# - docs/README.md has a link to each page.
# - Each test that docs/misuse.md names exists, and docs/misuse.md names each misuse_ or trap_ test.
# - Each sspan::errc has its row in docs/errors.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0
complain() {
    printf '%s\n' "$1"
    failed=1
}

# The comparison ignores indentation.
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
' tests/docs/*.cpp docs/*.md || failed=1

# anchors PAGE: prints the headings of a page in the form that links use.
anchors() {
    awk '/^```/ { code = !code } !code && /^#+ / { sub(/^#+ /, ""); print }' "$1" |
        tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9_ \n-' | tr ' ' '-'
}

mapfile -t pages < <(find . -name '*.md' -not -path './build/*' -not -path './.git/*')
links=0
for page in "${pages[@]}"; do
    while read -r link; do
        links=$((links + 1))
        target=$page
        [[ $link == '#'* ]] || target=$(dirname "$page")/${link%%#*}
        if [[ ! -e $target ]]; then
            complain "$page: there is no $link"
        elif [[ $link == *.md#* || $link == '#'* ]] && ! anchors "$target" | grep -qxF -- "${link#*#}"; then
            complain "$page: $link names no heading"
        fi
    done < <(awk '/^```/ { code = !code } !code' "$page" | { grep -oP '\]\(\K(?!https?:)[^)]+' || true; })
done
[[ $links -gt 0 ]] || complain 'there are no links'

for page in docs/*.md; do
    [[ $page == docs/README.md ]] || grep -qF "](${page#docs/})" docs/README.md || complain "docs/README.md does not lead to $page"
done

# Names of tests in docs/misuse.md may be patterns.
# shellcheck disable=SC2016 # a backtick
mapfile -t named < <(grep -oP '`\K[a-z0-9_]+\.[a-z0-9_*]+(?=`)' docs/misuse.md)
mapfile -t tests < <(grep -rhoP '^TEST(_[FP])?\(\K[a-z0-9_]+, [a-z0-9_]+' tests/unit | sed 's/, /./')
[[ ${#named[@]} -gt 0 && ${#tests[@]} -gt 0 ]] || complain 'docs/misuse.md names no tests'
for name in "${named[@]}"; do
    # shellcheck disable=SC2053 # the name is a pattern
    for test in "${tests[@]}"; do [[ $test == $name ]] && continue 2; done
    complain "docs/misuse.md: there is no test $name"
done
for test in "${tests[@]}"; do
    [[ $test == *.misuse_* || $test == *.trap_* ]] || continue
    # shellcheck disable=SC2053
    for name in "${named[@]}"; do [[ $test == $name ]] && continue 2; done
    complain "docs/misuse.md does not name $test"
done
for source in tests/compile_fail/*.cpp; do
    grep -q '^// misuse_' "$source" || continue
    name=$(basename "$source" .cpp)
    grep -qF "\`$name\`" docs/misuse.md || complain "docs/misuse.md does not name $name"
done

# docs/errors.md must have one row for each errc, and no other rows.
errcs() {
    sed -n '/define SSPAN_SEC_E(/,/^$/s/^ *X(\([a-z0-9_]*\),.*/\1/p' include/sspan/os/status_codes.hpp
    sed -n '/^enum class errc/,/^};/s/^ *\([a-z_]*\) = .*/\1/p' include/sspan/error.hpp
}
# shellcheck disable=SC2016 # a backtick
rows() { sed -n 's/^| `\([a-z0-9_]*\)` |.*/\1/p' docs/errors.md | grep -vx errc; }
[[ $(errcs | wc -l) -gt 70 ]] || complain 'the names of errc were not found'
differences=$(diff <(errcs | sort) <(rows | sort)) || complain "docs/errors.md: a row is missing (<) or too many (>)
$differences"
exit "$failed"
