# SPDX-License-Identifier: MIT
# Makes an archive of the `tree`, as a release does, and builds the project in project/ with it.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${build})
file(MAKE_DIRECTORY ${build}/sspan-${version})
file(COPY ${tree}/CMakeLists.txt ${tree}/LICENSE ${tree}/cmake ${tree}/include DESTINATION ${build}/sspan-${version})
file(COPY ${tree}/tests/loopback DESTINATION ${build}/sspan-${version}/tests)
execute_process(COMMAND ${CMAKE_COMMAND} -E tar czf sspan.tar.gz sspan-${version}
  WORKING_DIRECTORY ${build} COMMAND_ERROR_IS_FATAL ANY)
set(url file://${build}/sspan.tar.gz)
if(CMAKE_HOST_WIN32) # C:/...
  set(url file:///${build}/sspan.tar.gz)
endif()
file(SHA256 ${build}/sspan.tar.gz sha256)
if(hash STREQUAL "wrong")
  string(SHA256 sha256 "${sha256}")
endif()

execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/project -B ${build}/build ${options}
    -DCMAKE_BUILD_TYPE=${config} -Dversion=${version} -Durl=${url} -Dsha256=${sha256}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(hash STREQUAL "wrong")
  if(status EQUAL 0 OR NOT output MATCHES "SHA256 hash of|HASH mismatch|does not match expected value")
    message(FATAL_ERROR "CMake accepted an archive with a wrong hash:\n${output}")
  endif()
  return()
endif()
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${output}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${build}/build --config "${config}" COMMAND_ERROR_IS_FATAL ANY)
