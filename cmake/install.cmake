# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/sspan)
set(natvis_dir ${CMAKE_INSTALL_INCLUDEDIR}/sspan) # not in package_dir, which packagers move
target_link_options(sspan INTERFACE
  $<INSTALL_INTERFACE:$<$<CXX_COMPILER_ID:MSVC>:/NATVIS:$<INSTALL_PREFIX>/${natvis_dir}/sspan.natvis>>)
install(TARGETS sspan EXPORT sspan FILE_SET HEADERS)
install(EXPORT sspan NAMESPACE sspan:: FILE sspan-targets.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sspan-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES cmake/sspan-config.cmake cmake/FindWinPR.cmake ${PROJECT_BINARY_DIR}/sspan-config-version.cmake
  DESTINATION ${package_dir})
install(DIRECTORY tests/loopback DESTINATION ${package_dir}
  FILES_MATCHING PATTERN CMakeLists.txt PATTERN *.cpp PATTERN *.hpp PATTERN dll.* EXCLUDE)
install(DIRECTORY cmake/module DESTINATION ${package_dir})
install(FILES cmake/sspan.natvis DESTINATION ${natvis_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(PROJECT_IS_TOP_LEVEL)
  set(CPACK_GENERATOR ZIP TGZ)
  set(CPACK_PACKAGE_FILE_NAME sspan-${PROJECT_VERSION})
  set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/archives)
  set(CPACK_VERBATIM_VARIABLES ON)
  include(CPack)
endif()
