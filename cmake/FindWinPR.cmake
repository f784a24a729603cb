# SPDX-License-Identifier: MIT
# Makes WinPR::WinPR. Prefers version 3 to version 2. WinPR's own CMake package requires programs from other Debian packages.
find_path(WinPR_INCLUDE_DIR winpr/sspi.h PATH_SUFFIXES winpr3 winpr2)
find_library(WinPR_LIBRARY NAMES winpr3 winpr2)
mark_as_advanced(WinPR_INCLUDE_DIR WinPR_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WinPR REQUIRED_VARS WinPR_LIBRARY WinPR_INCLUDE_DIR)

if(WinPR_LIBRARY MATCHES "winpr2")
  message(NOTICE "sspan: found WinPR 2. Programs compile with it, but cannot establish a context. That needs WinPR 3.")
endif()
if(WinPR_FOUND AND NOT TARGET WinPR::WinPR)
  add_library(WinPR::WinPR UNKNOWN IMPORTED)
  set_target_properties(WinPR::WinPR PROPERTIES
    IMPORTED_LOCATION "${WinPR_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${WinPR_INCLUDE_DIR}")
endif()
