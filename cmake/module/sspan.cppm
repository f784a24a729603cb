// SPDX-License-Identifier: MIT
//
// The module sspan: all public names of the headers. tests/module/interface.py has made it.
module;

#include <sspan/protocol/http_negotiate.hpp>
#include <sspan/protocol/negotiate_stream.hpp>
#include <sspan/protocol/sasl.hpp>
#include <sspan/sspan.hpp>

export module sspan;

export namespace sspan {
using sspan::accept_options;
using sspan::access_token;
using sspan::attribute_number;
using sspan::autologon;
using sspan::category;
using sspan::channel_bindings;
using sspan::client_context;
using sspan::client_handshake;
using sspan::client_options;
using sspan::const_bytes;
using sspan::const_message_data;
using sspan::contains;
using sspan::context_accessors;
using sspan::context_flags;
using sspan::context_memory;
using sspan::context_sizes;
using sspan::credential_options;
using sspan::credentials;
using sspan::decrypted_message;
using sspan::encrypted_message;
using sspan::enumerate_packages;
using sspan::errc;
using sspan::error;
using sspan::establish;
using sspan::export_context;
using sspan::exported_context;
using sspan::flags_enum;
using sspan::from_asc_ret;
using sspan::from_isc_ret;
using sspan::handshake_error;
using sspan::handshake_limits;
using sspan::handshake_side;
using sspan::handshake_state;
using sspan::handshake_step;
using sspan::identity;
using sspan::identity_content;
using sspan::identity_options;
using sspan::impersonation_guard;
using sspan::impersonation_level;
using sspan::impersonation_options;
using sspan::import_context;
using sspan::is_flags;
using sspan::key_info;
using sspan::lifespan;
using sspan::make_error_code;
using sspan::max_message_parts;
using sspan::max_payload;
using sspan::max_wrapped_size;
using sspan::message_data;
using sspan::message_frame;
using sspan::message_frame_options;
using sspan::message_halves;
using sspan::message_part;
using sspan::message_protection;
using sspan::message_receiver;
using sspan::message_receiving;
using sspan::message_sender;
using sspan::message_sending;
using sspan::minimum_protection;
using sspan::mutable_bytes;
using sspan::native_names;
using sspan::negotiation_info;
using sspan::negotiation_state;
using sspan::never;
using sspan::no_attribute;
using sspan::ntlm_use;
using sspan::one_sides_context;
using sspan::operator&;
using sspan::operator&=;
using sspan::operator==;
using sspan::operator|;
using sspan::operator|=;
using sspan::operator~;
using sspan::package_capabilities;
using sspan::package_info;
using sspan::protect_options;
using sspan::quality_of_protection;
using sspan::query_attribute;
using sspan::query_authority;
using sspan::query_client_specified_target;
using sspan::query_flags;
using sspan::query_key_info;
using sspan::query_lifespan;
using sspan::query_native_names;
using sspan::query_negotiation_info;
using sspan::query_package;
using sspan::query_package_info;
using sspan::query_password_expiry;
using sspan::query_security_context_token;
using sspan::query_session_key;
using sspan::query_user_name;
using sspan::run_as_client;
using sspan::secret_bytes;
using sspan::security_context;
using sspan::security_package;
using sspan::server_context;
using sspan::server_handshake;
using sspan::server_options;
using sspan::set_kdc_proxy;
using sspan::to_hresult;
using sspan::to_string;
using sspan::unwrapped_copy;
using sspan::version;
} // namespace sspan

export namespace sspan::http_negotiate {
using sspan::http_negotiate::authentication_scope;
using sspan::http_negotiate::challenge_field;
using sspan::http_negotiate::challenge_status;
using sspan::http_negotiate::client;
using sspan::http_negotiate::client_options;
using sspan::http_negotiate::client_state;
using sspan::http_negotiate::client_step;
using sspan::http_negotiate::credentials_field;
using sspan::http_negotiate::default_max_header;
using sspan::http_negotiate::server;
using sspan::http_negotiate::server_kind;
using sspan::http_negotiate::server_options;
using sspan::http_negotiate::server_state;
using sspan::http_negotiate::server_step;
} // namespace sspan::http_negotiate

export namespace sspan::negotiate_stream {
using sspan::negotiate_stream::channel;
using sspan::negotiate_stream::channel_halves;
using sspan::negotiate_stream::client;
using sspan::negotiate_stream::client_channel;
using sspan::negotiate_stream::client_options;
using sspan::negotiate_stream::handshake_header_size;
using sspan::negotiate_stream::handshake_payload_size;
using sspan::negotiate_stream::handshake_side;
using sspan::negotiate_stream::prefix_size;
using sspan::negotiate_stream::protection_level;
using sspan::negotiate_stream::receiver;
using sspan::negotiate_stream::record_receiving;
using sspan::negotiate_stream::record_sending;
using sspan::negotiate_stream::record_step;
using sspan::negotiate_stream::sender;
using sspan::negotiate_stream::server;
using sspan::negotiate_stream::server_channel;
using sspan::negotiate_stream::server_options;
} // namespace sspan::negotiate_stream

export namespace sspan::package {
using sspan::package::kerberos;
using sspan::package::negotiate;
using sspan::package::ntlm;
} // namespace sspan::package

export namespace sspan::sasl {
using sspan::sasl::buffer_receiving;
using sspan::sasl::buffer_sending;
using sspan::sasl::channel;
using sspan::sasl::channel_halves;
using sspan::sasl::client;
using sspan::sasl::client_channel;
using sspan::sasl::client_options;
using sspan::sasl::client_step;
using sspan::sasl::default_max_buffer;
using sspan::sasl::layer;
using sspan::sasl::mechanism;
using sspan::sasl::package_of;
using sspan::sasl::prefix_size;
using sspan::sasl::receiver;
using sspan::sasl::sender;
using sspan::sasl::server;
using sspan::sasl::server_channel;
using sspan::sasl::server_options;
using sspan::sasl::server_step;
using sspan::sasl::to_string;
} // namespace sspan::sasl
