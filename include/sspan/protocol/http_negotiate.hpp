// SPDX-License-Identifier: MIT
//
// HTTP's Negotiate authentication (RFC 4559), for clients and servers. It makes and takes the values of header fields; it
// neither opens connections nor reads HTTP.
#pragma once

#include "http_negotiate_client.hpp"
#include "http_negotiate_options.hpp"
#include "http_negotiate_server.hpp"
