# SPDX-License-Identifier: MIT
# Fails if a class of the public `headers` is not in the file `natvis`.
cmake_minimum_required(VERSION 3.25)

# The debugger shows these classes with the entry of their base class, or of a library type.
set(by_base
  client_context client_handshake const_message_data handshake_error message_data message_receiver message_receiving
  message_sender message_sending mutable_bytes security_context server_context server_handshake
  negotiate_stream::channel negotiate_stream::client negotiate_stream::receiver negotiate_stream::record_receiving
  negotiate_stream::record_sending negotiate_stream::sender negotiate_stream::server
  sasl::buffer_receiving sasl::buffer_sending sasl::channel sasl::client sasl::receiver sasl::sender sasl::server)

file(READ ${natvis} shown)
file(GLOB files ${headers}/*.hpp ${headers}/protocol/*.hpp)
set(classes 0)
foreach(file IN LISTS files)
  set(within "")
  file(STRINGS ${file} lines REGEX "^(namespace|} // namespace|class [a-z_]+[ a-z]*(:.*)? {)")
  foreach(line IN LISTS lines)
    if(line MATCHES "^namespace (detail|.*::detail)")
      set(within detail::)
    elseif(line MATCHES "^namespace (.*::)?(sasl|http_negotiate|negotiate_stream) ")
      set(within ${CMAKE_MATCH_2}::)
    elseif(line MATCHES "namespace")
      set(within "")
    elseif(line MATCHES "^class ([a-z_]+)" AND NOT within STREQUAL "detail::")
      set(class ${within}${CMAKE_MATCH_1})
      string(FIND "${shown}" "\"sspan::sspan_os::${class}" position)
      math(EXPR classes "${classes} + 1")
      if(position EQUAL -1 AND NOT class IN_LIST by_base)
        message(SEND_ERROR "${file}: ${natvis} does not show ${class}")
      endif()
      list(REMOVE_ITEM by_base ${class})
    endif()
  endforeach()
endforeach()
if(classes LESS 20)
  message(SEND_ERROR "only ${classes} classes found in ${headers}")
endif()
if(by_base)
  message(SEND_ERROR "these classes are not in any header: ${by_base}")
endif()
