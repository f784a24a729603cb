# SPDX-License-Identifier: MIT
# Installs the `build` into `prefix`. Fails if the installed target names no natvis file, or a file that does not exist.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${prefix})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} --config "${config}" --prefix ${prefix}
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${prefix}/share/cmake/sspan/sspan-targets.cmake options REGEX "INTERFACE_LINK_OPTIONS")
if(NOT options MATCHES "CXX_COMPILER_ID:MSVC>:/NATVIS:\\\${_IMPORT_PREFIX}(/[^;>]*\\.natvis)>")
  message(FATAL_ERROR "no natvis file for cl in: ${options}")
endif()
if(NOT EXISTS ${prefix}${CMAKE_MATCH_1})
  message(FATAL_ERROR "${prefix}${CMAKE_MATCH_1} does not exist")
endif()
