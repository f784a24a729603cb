# SPDX-License-Identifier: MIT
# For tests that configure a project outside the tree with this build's compiler. Sets `consumer_variables`, the cache variables
# for the project, and `consumer_options`, which also has the generator.
set(consumer_variables -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})
foreach(variable IN ITEMS CMAKE_TOOLCHAIN_FILE CMAKE_PROJECT_TOP_LEVEL_INCLUDES)
  if(${variable})
    get_filename_component(file ${${variable}} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
    list(APPEND consumer_variables -D${variable}=${file})
  endif()
endforeach()
if(NOT Microsoft.GSL_FOUND) # this build has fetched GSL
  list(APPEND consumer_variables -DFETCHCONTENT_SOURCE_DIR_GSL=${gsl_SOURCE_DIR})
endif()
set(consumer_options -G ${CMAKE_GENERATOR} ${consumer_variables})
if(CMAKE_GENERATOR_PLATFORM)
  list(APPEND consumer_options -A ${CMAKE_GENERATOR_PLATFORM})
endif()
if(CMAKE_GENERATOR_TOOLSET)
  list(APPEND consumer_options -T ${CMAKE_GENERATOR_TOOLSET})
endif()
