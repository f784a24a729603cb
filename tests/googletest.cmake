# SPDX-License-Identifier: MIT
# Builds GoogleTest with the compiler and flags of this build. Fetches its sources if Debian's sources are not installed.
include(FetchContent)
set(gtest_force_shared_crt ON)
set(INSTALL_GTEST OFF)
if(EXISTS /usr/src/googletest/CMakeLists.txt)
  FetchContent_Declare(googletest SOURCE_DIR /usr/src/googletest)
else()
  FetchContent_Declare(googletest
    GIT_REPOSITORY https://github.com/google/googletest.git
    GIT_TAG 58d77fa8070e8cec2dc1ed015d66b454c8d78850) # v1.12.1
endif()
FetchContent_MakeAvailable(googletest)
if(MSVC) # GoogleTest sets /WX, and newer versions of cl have more warnings
  foreach(library IN ITEMS gtest gtest_main gmock gmock_main)
    target_compile_options(${library} PRIVATE /WX-)
  endforeach()
endif()
