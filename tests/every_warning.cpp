// SPDX-License-Identifier: MIT
//
// All headers, compiled with every warning of the compiler.
#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>
