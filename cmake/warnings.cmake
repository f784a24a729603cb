# SPDX-License-Identifier: MIT
# For the tests and examples; nothing of it reaches users.
option(SSPAN_WARNINGS_AS_ERRORS "Warnings in the tests and examples are errors")

add_library(sspan_warnings INTERFACE)
if(MSVC)
  target_compile_options(sspan_warnings INTERFACE /W4 /permissive-
    /bigobj # each parameterized test takes sections of the object file
    # Before Visual Studio 17.14 the standard library declares functions of std::projected without a body; where the type is
    # in an unnamed namespace, cl and clang-cl warn.
    $<IF:$<CXX_COMPILER_ID:MSVC>,/wd5046,-Wno-undefined-internal>
    $<$<BOOL:${SSPAN_WARNINGS_AS_ERRORS}>:/WX>)
  target_compile_definitions(sspan_warnings INTERFACE _CRT_SECURE_NO_WARNINGS) # std::getenv is standard C++
else()
  target_compile_options(sspan_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
    $<$<BOOL:${SSPAN_WARNINGS_AS_ERRORS}>:-Werror>)
endif()
