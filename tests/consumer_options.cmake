# SPDX-License-Identifier: MIT
# For a project outside the tree, so that CMake configures it with this build's compiler. Sets `consumer_variables`, its
# cache variables, and `consumer_options`, which has the generator, too.
set(consumer_variables -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})
foreach(variable IN ITEMS CMAKE_TOOLCHAIN_FILE CMAKE_PROJECT_TOP_LEVEL_INCLUDES)
  if(${variable})
    get_filename_component(file ${${variable}} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
    list(APPEND consumer_variables -D${variable}=${file})
  endif()
endforeach()
if(NOT Microsoft.GSL_FOUND) # the build has fetched it
  list(APPEND consumer_variables -DFETCHCONTENT_SOURCE_DIR_GSL=${gsl_SOURCE_DIR})
endif()
set(consumer_options -G ${CMAKE_GENERATOR} ${consumer_variables})
if(CMAKE_GENERATOR_PLATFORM)
  list(APPEND consumer_options -A ${CMAKE_GENERATOR_PLATFORM})
endif()
if(CMAKE_GENERATOR_TOOLSET)
  list(APPEND consumer_options -T ${CMAKE_GENERATOR_TOOLSET})
endif()
