# SPDX-License-Identifier: MIT
# An overlay port. It builds the tree that contains it.
set(VCPKG_BUILD_TYPE release) # the library has only headers
cmake_path(GET CURRENT_PORT_DIR PARENT_PATH ports)
cmake_path(GET ports PARENT_PATH SOURCE_PATH)

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS -DSSPAN_BUILD_TESTS=OFF -DSSPAN_BUILD_EXAMPLES=OFF -DSSPAN_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/sspan)
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib" "${CURRENT_PACKAGES_DIR}/share/doc") # share/doc has only the licence
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
