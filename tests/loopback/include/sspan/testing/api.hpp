// SPDX-License-Identifier: MIT
//
// The SSPAN_API_HEADER of programs whose calls to the OS are defined in a source file: tests/loopback/seam.cpp, or the fuzzer's
// hostile_seam.cpp. Without one of them no program links.
#pragma once

#define SSPAN_API_LINKAGE
