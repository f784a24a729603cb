#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds the site, build/docs/html/index.html: all pages of docs/ and a reference of every public name. Warnings are errors.
# If SSPAN_SOURCE_URL is set (https://.../blob/COMMIT), the pages also link to the other files of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/environment.sh
. tests/environment.sh

install_missing "${site_packages[@]}"
rm -rf build/docs
python3 docs/site/prepare.py build/docs/input
version=$(sed -n 's/.* version = "\(.*\)".*/\1/p' include/sspan/version.hpp)
{
    cat docs/site/Doxyfile
    printf 'PROJECT_NUMBER = %s\n' "$version"
    # Doxygen 1.9.4 does not know this option.
    if dpkg --compare-versions "$(doxygen --version)" ge 1.9.7; then printf 'WARN_IF_UNDOC_ENUM_VAL = YES\n'; fi
} >build/docs/Doxyfile
logged doxygen build/docs/Doxyfile
cat docs/site/search.css >>build/docs/html/search/search.css
cp docs/pictures/*.svg build/docs/html
# These lists belong to Doxygen's menu. The site does not use that menu.
rm build/docs/html/{classes,concepts,functions*,globals*,hierarchy,namespacemembers*}.html
logged python3 docs/site/check.py build/docs/html
printf 'build/docs/html/index.html\n'
