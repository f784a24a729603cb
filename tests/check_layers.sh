#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The headers form layers: each includes only what stands before it in this list. Only the first includes the OS' headers,
# only api.hpp, and winpr.hpp for it, call the OS, and none is longer than a reader's patience.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../include/sspan"

layers=(
    version.hpp
    detail/platform.hpp
    detail/winpr.hpp
    detail/api.hpp
    detail/status_codes.hpp
    error.hpp
    flags.hpp
    buffer.hpp
    channel_bindings.hpp
    message.hpp
    detail/handle.hpp
    detail/secret.hpp
    secret_bytes.hpp
    detail/time.hpp
    detail/text.hpp
    package.hpp
    identity.hpp
    credentials.hpp
    credential_attributes.hpp
    message_frame.hpp
    detail/negotiated.hpp
    detail/established.hpp
    detail/message_calls.hpp
    detail/wrap_calls.hpp
    message_sender.hpp
    message_receiver.hpp
    security_context.hpp
    server_context.hpp
    handshake_step.hpp
    detail/handshake.hpp
    handshake.hpp
    establish.hpp
    impersonation.hpp
    access_token.hpp
    transfer.hpp
    detail/attribute_query.hpp
    attributes.hpp
    sspan.hpp
)
status=0
complain() {
    printf '%s\n' "$*"
    status=1
}

diff <(printf '%s\n' "${layers[@]}" | sort) <(find . -name '*.hpp' -printf '%P\n' | sort) ||
    complain 'the headers and the list of layers differ'

below=' '
for header in "${layers[@]}"; do
    folder=$(dirname "$header")
    while read -r included; do
        path=$(realpath --relative-to=. "$folder/$included")
        [[ $below == *" $path "* ]] || complain "$header includes $path, which is not below it"
    done < <(sed -n 's/^#include "\(.*\)".*/\1/p' "$header")
    below+="$header "

    if [[ $header != detail/platform.hpp ]] && grep -nE '#include <(windows|security|sspi|ntsecapi|winpr/.*)\.h>' "$header"; then
        complain "$header includes a header of the OS"
    fi
    if [[ $header != detail/api.hpp && $header != detail/winpr.hpp ]] && sed 's@//.*@@' "$header" | grep -nE '(^|[^A-Za-z_:"])::[A-Z][A-Za-z]+\('; then
        complain "$header calls the OS"
    fi
    lines=$(wc -l <"$header")
    [[ $lines -le 300 ]] || complain "$header has $lines lines"
    grep -q '^// SPDX-License-Identifier: MIT$' "$header" || complain "$header names no licence"
done
exit "$status"
