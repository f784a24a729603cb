# SPDX-License-Identifier: MIT
# For cross builds: makes packages of the build machine's GSL and JSON library alone. Their own would bring all of
# /usr/include along.

# header_package(NAME TARGET FOLDER): the package NAME with the target TARGET, whose headers are in FOLDER.
function(header_package name target folder)
  find_path(${name}_in ${folder} NO_CMAKE_FIND_ROOT_PATH PATHS /usr/include /usr/local/include)
  if(NOT ${name}_in)
    return()
  endif()
  set(package "${CMAKE_BINARY_DIR}/system-headers/${name}")
  file(MAKE_DIRECTORY "${package}/include")
  file(CREATE_LINK "${${name}_in}/${folder}" "${package}/include/${folder}" SYMBOLIC COPY_ON_ERROR)
  file(CONFIGURE OUTPUT "${package}/${name}Config.cmake" @ONLY CONTENT [[
if(NOT TARGET @target@)
  add_library(@target@ INTERFACE IMPORTED)
  set_target_properties(@target@ PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}/include")
endif()
]])
  set(${name}_DIR "${package}" CACHE PATH "" FORCE)
endfunction()

header_package(Microsoft.GSL Microsoft.GSL::GSL gsl)
header_package(nlohmann_json nlohmann_json::nlohmann_json nlohmann)
