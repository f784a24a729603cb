// SPDX-License-Identifier: MIT
//
// All headers, for a compiler that warns of everything.
#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>
