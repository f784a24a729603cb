# SPDX-License-Identifier: MIT
# For cross builds: makes a package of the build machine's GSL alone, whose own would bring all of /usr/include along.
set(package_dir "${CMAKE_BINARY_DIR}/gsl")
find_path(system_gsl_dir gsl/gsl NO_CMAKE_FIND_ROOT_PATH PATHS /usr/include /usr/local/include REQUIRED)
file(MAKE_DIRECTORY "${package_dir}/include")
file(CREATE_LINK "${system_gsl_dir}/gsl" "${package_dir}/include/gsl" SYMBOLIC COPY_ON_ERROR)
file(WRITE "${package_dir}/Microsoft.GSLConfig.cmake" [[
if(NOT TARGET Microsoft.GSL::GSL)
  add_library(Microsoft.GSL::GSL INTERFACE IMPORTED)
  set_target_properties(Microsoft.GSL::GSL PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}/include")
endif()
]])
set(Microsoft.GSL_DIR "${package_dir}" CACHE PATH "")
