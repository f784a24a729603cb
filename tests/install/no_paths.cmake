# SPDX-License-Identifier: MIT
# Fails if a file below `tree` contains `path`, or if `tree` has no files.
file(GLOB_RECURSE files ${tree}/*)
if(NOT files)
  message(FATAL_ERROR "nothing was installed to ${tree}")
endif()
foreach(file IN LISTS files)
  file(STRINGS ${file} lines)
  string(FIND "${lines}" ${path} position)
  if(NOT position EQUAL -1)
    message(FATAL_ERROR "${file} contains ${path}")
  endif()
endforeach()
