# SPDX-License-Identifier: MIT
# Fails when a file below `tree` mentions `path`, or when there is no file at all.
file(GLOB_RECURSE files ${tree}/*)
if(NOT files)
  message(FATAL_ERROR "nothing was installed to ${tree}")
endif()
foreach(file IN LISTS files)
  file(STRINGS ${file} lines)
  string(FIND "${lines}" ${path} position)
  if(NOT position EQUAL -1)
    message(FATAL_ERROR "${file} mentions ${path}")
  endif()
endforeach()
