#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Checks the layers of the headers. A header may include headers of lower floors, and those that stand before it on its own
# floor. Only headers in os/ may name a platform, include its headers or call it. A header may have 300 lines at most.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../include/sspan"

floors=(
    'the platform: os/'
    os/platform.hpp os/calls.hpp os/rfc4121.hpp os/substitute.hpp os/wine.hpp os/system.hpp os/wine_messages.hpp os/winpr.hpp os/api.hpp os/handle.hpp
    os/status_codes.hpp os/secret.hpp os/text.hpp expiry.hpp os/time.hpp
    'types of messages'
    version.hpp error.hpp flags.hpp bytes.hpp message_part.hpp message.hpp secret_bytes.hpp impersonation_level.hpp
    'packages, credentials and options'
    package.hpp identity.hpp credentials.hpp credential_attributes.hpp channel_bindings.hpp message_frame.hpp
    handshake_options.hpp handshake_step.hpp
    'bodies of functions: detail/'
    detail/base64.hpp detail/http_challenges.hpp
    detail/client_target.hpp detail/ntlm_token.hpp detail/first_token.hpp detail/thread_token.hpp
    detail/negotiated.hpp detail/established.hpp detail/thread_impersonation.hpp detail/message_lists.hpp detail/message_calls.hpp detail/wrap_calls.hpp
    'the sender and the receiver of a context'
    context_accessors.hpp message_sender.hpp message_receiver.hpp
    'contexts'
    security_context.hpp client_context.hpp server_context.hpp
    'attributes'
    attribute_query.hpp attributes.hpp
    'handshakes, access tokens and impersonation'
    handshake_base.hpp detail/handshake_steps.hpp detail/handshake_finish.hpp handshake.hpp access_token.hpp impersonation.hpp
    'complete handshakes, and transfer of contexts'
    establish.hpp transfer.hpp
    'the header that includes all of these'
    sspan.hpp
    'protocols, which sspan.hpp does not include'
    detail/token_exchange.hpp detail/sasl_layers.hpp protocol/sasl_options.hpp protocol/sasl_channel.hpp detail/sasl_exchange.hpp
    protocol/sasl_client.hpp protocol/sasl_server.hpp protocol/sasl.hpp
    protocol/negotiate_stream_options.hpp detail/nns_records.hpp detail/nns_protection.hpp
    protocol/negotiate_stream_sender.hpp protocol/negotiate_stream_receiver.hpp protocol/negotiate_stream_channel.hpp
    protocol/negotiate_stream_record.hpp protocol/negotiate_stream_handshake.hpp protocol/negotiate_stream.hpp
    protocol/http_negotiate_options.hpp protocol/http_negotiate_client.hpp protocol/http_negotiate_server.hpp
    protocol/http_negotiate.hpp
)
status=0
complain() {
    printf '%s\n' "$*"
    status=1
}

diff <(printf '%s\n' "${floors[@]}" | grep '\.hpp$' | sort) <(find . -name '*.hpp' -printf '%P\n' | sort) ||
    complain 'the headers and the list of floors differ'

below=' '
for header in "${floors[@]}"; do
    [[ $header == *.hpp ]] || continue
    folder=$(dirname "$header")
    while read -r included; do
        path=$(realpath --relative-to=. "$folder/$included")
        [[ $below == *" $path "* ]] || complain "$header includes $path, which is not below it"
    done < <(sed -n 's/^#include "\(.*\)".*/\1/p' "$header")
    below+="$header "

    if [[ $header != os/* ]] && grep -niE 'wine|winpr' "$header"; then
        complain "$header names a platform"
    fi
    if [[ $header != os/platform.hpp ]] && grep -nE '#include <(windows|security|sspi|ntsecapi|winpr/.*)\.h>' "$header"; then
        complain "$header includes a header of the OS"
    fi
    if [[ $header != os/* ]] && sed 's@//.*@@' "$header" | grep -nE '(^|[^A-Za-z_:"])::[A-Z][A-Za-z]+\('; then
        complain "$header calls the OS"
    fi
    lines=$(wc -l <"$header")
    [[ $lines -le 300 ]] || complain "$header has $lines lines"
    grep -q '^// SPDX-License-Identifier: MIT$' "$header" || complain "$header names no licence"
done
exit "$status"
