# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/sspan)
target_sources(sspan INTERFACE
  $<INSTALL_INTERFACE:$<$<CXX_COMPILER_ID:MSVC>:$<INSTALL_PREFIX>/${package_dir}/sspan.natvis>>)
install(TARGETS sspan EXPORT sspan FILE_SET HEADERS)
install(EXPORT sspan NAMESPACE sspan:: FILE sspan-targets.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sspan-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES cmake/sspan-config.cmake cmake/FindWinPR.cmake cmake/sspan.natvis
    ${PROJECT_BINARY_DIR}/sspan-config-version.cmake
  DESTINATION ${package_dir})
