# SPDX-License-Identifier: MIT
# Sets sspan_can_build_modules. CMake fails if a target has a module that it cannot build, even if no program links the target.
# It cannot build modules with the generator for make, or with a compiler that cannot list a source's imports (g++ 13, clang
# without clang-scan-deps).
set(sspan_can_build_modules FALSE)
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.28 AND CMAKE_GENERATOR MATCHES "Ninja|Visual Studio" AND
    NOT "${CMAKE_CXX_SCANDEP_SOURCE}" STREQUAL "")
  set(sspan_can_build_modules TRUE)
endif()
