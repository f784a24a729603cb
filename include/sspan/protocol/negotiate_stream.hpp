// SPDX-License-Identifier: MIT
//
// NegotiateStream (MS-NNS), the protocol of .NET's class of this name and of WCF's net.tcp, for both sides, without I/O.
//
// Both sides step until they are done. `finish` returns the channel, which protects what is sent afterwards.
#pragma once

#include "negotiate_stream_channel.hpp"
#include "negotiate_stream_handshake.hpp"
#include "negotiate_stream_options.hpp"
#include "negotiate_stream_record.hpp"
