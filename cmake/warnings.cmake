# SPDX-License-Identifier: MIT
# For the tests and examples; nothing of it reaches users.
add_library(sspan_warnings INTERFACE)
if(MSVC)
  target_compile_options(sspan_warnings INTERFACE /W4 /permissive- /WX)
else()
  target_compile_options(sspan_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Werror)
endif()
