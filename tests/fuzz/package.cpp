// SPDX-License-Identifier: MIT
//
// Every call of the library, in any order, over a hostile package.
#include "package_calls.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzzing::input in{data, size};
    hostile::package::instance().begin(in);
    {
        fuzzing::package_calls calls{in};
        for (int count = 0; count != 64 && in.more(); ++count) {
            calls.one_more();
        }
    }
    hostile::package::instance().end();
    return 0;
}
