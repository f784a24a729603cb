# SPDX-License-Identifier: MIT
# Warnings for the tests and examples. They do not reach users.
option(SSPAN_WARNINGS_AS_ERRORS "Warnings in the tests and examples are errors")

add_library(sspan_warnings INTERFACE)
if(MSVC)
  target_compile_options(sspan_warnings INTERFACE /W4 /permissive-
    /bigobj # each parameterized test needs sections in the object file
    # Before Visual Studio 17.14 the standard library declares functions of std::projected without a body. cl and clang-cl
    # warn about them if the type is in an unnamed namespace.
    $<IF:$<CXX_COMPILER_ID:MSVC>,/wd5046,-Wno-undefined-internal>
    $<$<BOOL:${SSPAN_WARNINGS_AS_ERRORS}>:/WX>)
  target_compile_definitions(sspan_warnings INTERFACE _CRT_SECURE_NO_WARNINGS) # std::getenv is standard C++
else()
  target_compile_options(sspan_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
    $<$<BOOL:${SSPAN_WARNINGS_AS_ERRORS}>:-Werror>)
endif()
