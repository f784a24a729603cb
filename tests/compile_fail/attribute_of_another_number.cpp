// expect: query_attribute
// SPDX-License-Identifier: MIT
//
// A structure that is too small for the package's data.
#include <sspan/attributes.hpp>

SecPkgContext_Flags program(const sspan::security_context& context) {
#if defined(MUST_FAIL)
    return sspan::query_attribute<SecPkgContext_Flags>(context, SECPKG_ATTR_SIZES);
#else
    return sspan::query_attribute<SecPkgContext_Flags>(context);
#endif
}
