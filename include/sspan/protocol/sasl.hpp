// SPDX-License-Identifier: MIT
//
// SASL with Kerberos: the mechanisms GSSAPI (RFC 4752) and GSS-SPNEGO, for both sides, without I/O.
//
// Both sides step until they are done. `finish` returns the channel, which protects what is sent afterwards.
#pragma once

#include "sasl_channel.hpp"
#include "sasl_client.hpp"
#include "sasl_options.hpp"
#include "sasl_server.hpp"
