// SPDX-License-Identifier: MIT
//
// The SSPAN_API_HEADER of programs that define the calls to the OS in a source file: tests/loopback/seam.cpp, or the
// fuzzer's hostile_seam.cpp. Without such a file the program does not link.
#pragma once

#define SSPAN_API_LINKAGE
