# SPDX-License-Identifier: MIT
include(CMakeFindDependencyMacro)
find_dependency(Microsoft.GSL CONFIG)
if(NOT WIN32)
  list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
  find_dependency(WinPR MODULE)
  list(POP_FRONT CMAKE_MODULE_PATH)
endif()
include("${CMAKE_CURRENT_LIST_DIR}/sspan-targets.cmake")
