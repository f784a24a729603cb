# SPDX-License-Identifier: MIT
# Finds or fetches Microsoft GSL. On systems other than Windows it also finds FreeRDP's WinPR, which must be installed.
include(FetchContent)

find_package(Microsoft.GSL CONFIG QUIET)
if(NOT TARGET Microsoft.GSL::GSL)
  set(GSL_INSTALL ${SSPAN_INSTALL})
  FetchContent_Declare(GSL
    GIT_REPOSITORY https://github.com/microsoft/GSL.git
    GIT_TAG a3534567187d2edc428efd3f13466ff75fe5805c) # v4.0.0
  FetchContent_MakeAvailable(GSL)
endif()

if(NOT WIN32)
  list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
  find_package(WinPR MODULE REQUIRED)
endif()
