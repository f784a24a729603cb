# SPDX-License-Identifier: MIT
# For cross builds. Makes a CMake package of each header-only library of the build machine. The libraries' own packages would
# add all of /usr/include.
function(system_headers package target folder)
  find_path(${package}_headers ${folder} NO_CMAKE_FIND_ROOT_PATH PATHS /usr/include /usr/local/include)
  if(NOT ${package}_headers)
    return() # another file fetches it
  endif()
  set(package_dir "${CMAKE_BINARY_DIR}/system/${package}")
  file(MAKE_DIRECTORY "${package_dir}/include")
  file(CREATE_LINK "${${package}_headers}/${folder}" "${package_dir}/include/${folder}" SYMBOLIC COPY_ON_ERROR)
  file(CONFIGURE OUTPUT "${package_dir}/${package}Config.cmake" @ONLY CONTENT [[
if(NOT TARGET @target@)
  add_library(@target@ INTERFACE IMPORTED)
  set_target_properties(@target@ PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}/include")
endif()
]])
  set(${package}_DIR "${package_dir}" CACHE PATH "")
endfunction()

system_headers(Microsoft.GSL Microsoft.GSL::GSL gsl)
system_headers(nlohmann_json nlohmann_json::nlohmann_json nlohmann)
