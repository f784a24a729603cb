// SPDX-License-Identifier: MIT
//
// All of sspan.
#pragma once

#include "access_token.hpp"
#include "attributes.hpp"
#include "buffer.hpp"
#include "channel_bindings.hpp"
#include "credential_attributes.hpp"
#include "credentials.hpp"
#include "error.hpp"
#include "establish.hpp"
#include "flags.hpp"
#include "handshake.hpp"
#include "handshake_step.hpp"
#include "identity.hpp"
#include "impersonation.hpp"
#include "message.hpp"
#include "message_frame.hpp"
#include "message_receiver.hpp"
#include "message_sender.hpp"
#include "package.hpp"
#include "secret_bytes.hpp"
#include "security_context.hpp"
#include "server_context.hpp"
#include "transfer.hpp"
#include "version.hpp"
