# SPDX-License-Identifier: MIT
# Runs ports/sspan/portfile.cmake with replacements for vcpkg's functions.
cmake_minimum_required(VERSION 3.25)
file(READ ${tree}/ports/sspan/vcpkg.json manifest)
string(JSON stated GET "${manifest}" version)
if(NOT stated STREQUAL version)
  message(FATAL_ERROR "the version in vcpkg.json is ${stated}; in version.hpp it is ${version}")
endif()

file(REMOVE_RECURSE ${build})
string(JSON PORT GET "${manifest}" name)
set(CURRENT_PORT_DIR ${tree}/ports/sspan)
set(CURRENT_PACKAGES_DIR ${build}/package)

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${arg_SOURCE_PATH} -B ${build}/build ${options} ${arg_OPTIONS}
    -DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(vcpkg_cmake_install)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${build}/build --config Release --target install
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
  file(RENAME ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH} ${CURRENT_PACKAGES_DIR}/share/${PORT})
  file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/share/cmake)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  configure_file(${arg_FILE_LIST} ${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright COPYONLY)
endfunction()
set(CMAKE_CURRENT_LIST_DIR ${CURRENT_PORT_DIR})
include(${tree}/ports/sspan/portfile.cmake)

file(GLOB_RECURSE installed RELATIVE ${CURRENT_PACKAGES_DIR} ${CURRENT_PACKAGES_DIR}/*)
foreach(file IN ITEMS
    include/sspan/sspan.hpp include/sspan/sspan.natvis share/sspan/sspan-config.cmake share/sspan/sspan-targets.cmake
    share/sspan/sspan-config-version.cmake share/sspan/loopback/CMakeLists.txt
    share/sspan/loopback/include/sspan/testing/loopback.hpp share/sspan/copyright share/sspan/usage)
  if(NOT file IN_LIST installed)
    message(SEND_ERROR "the port does not install ${file}")
  endif()
endforeach()
list(FILTER installed EXCLUDE REGEX "^(include/sspan|share/sspan)/")
if(installed)
  message(SEND_ERROR "the port also installs ${installed}")
endif()
