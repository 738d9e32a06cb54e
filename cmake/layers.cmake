# One static library per layer; include paths start at the repository root.

# All .cpp files of the folders, found again at each build.
function(drydock_sources result)
  set(sources "")
  foreach(folder IN LISTS ARGN)
    file(GLOB found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  if(NOT sources)  # a folder that has only headers so far
    set(sources ${PROJECT_BINARY_DIR}/generated/empty.cpp)
    file(CONFIGURE OUTPUT ${sources} CONTENT "int main() {}\n")
  endif()
  set(${result} ${sources} PARENT_SCOPE)
endfunction()

# Headers that nearly every file of a target needs, parsed once. More may be given, without brackets.
function(drydock_precompile target)
  set(headers <Eigen/Core> <algorithm> <cstdint> <map> <memory> <optional> <span> <string> <variant> <vector> <fmt/format.h>)
  foreach(header IN LISTS ARGN)
    list(APPEND headers <${header}>)
  endforeach()
  target_precompile_headers(${target} PRIVATE ${headers})
endfunction()

# drydock_unity(TARGET [PATTERN...]): eight files compiled as one: what they include is parsed once. Files that match a pattern, because
# they use a namespace as a whole or have names of their own that others have too, are compiled alone. (Not for clang-tidy, which
# wants each file; DRYDOCK_UNITY=OFF for quick small changes.)
function(drydock_unity target)
  if(NOT DRYDOCK_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  # What is local to a file is no more in a header here than before.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  get_target_property(sources ${target} SOURCES)
  foreach(pattern IN LISTS ARGN)
    set(alone ${sources})
    list(FILTER alone INCLUDE REGEX "${pattern}")
    set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
endfunction()

# With sanitizers the optimiser takes half of the time of a build: not for what waits for others most of its time.
function(drydock_hardly_optimise target)
  if(DRYDOCK_SANITIZE MATCHES undefined)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# drydock_layer(NAME FOLDER...): library drydock_NAME, alias drydock::NAME, installed as drydock::NAME.
function(drydock_layer name)
  drydock_sources(sources ${ARGN})
  add_library(drydock_${name} STATIC ${sources})
  add_library(drydock::${name} ALIAS drydock_${name})
  set_target_properties(drydock_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(drydock_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated> $<INSTALL_INTERFACE:include/drydock>)
  target_link_libraries(drydock_${name} PRIVATE $<BUILD_INTERFACE:drydock_flags>)
  target_compile_features(drydock_${name} PUBLIC cxx_std_20)
  drydock_precompile(drydock_${name})
  set_property(GLOBAL APPEND PROPERTY DRYDOCK_LAYERS ${name})
endfunction()

# Compiles scenarios/*.json and scenarios/reference/*.json into the library, so that `drydock simulate NAME` needs no installed files.
function(drydock_embed_scenarios target)
  set(folder ${PROJECT_SOURCE_DIR}/scenarios)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.json ${folder}/reference/*.json)
  set(output ${PROJECT_BINARY_DIR}/generated/embedded_scenarios.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DFOLDER=${folder} "-DFILES=${files}" -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    COMMENT "Embedding scenarios" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

# Makes policies/plugin_headers.hpp anew whenever a header of the policies changes, so that a plugin of other headers is told apart.
function(drydock_fingerprint_headers target)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/policies/*.hpp ${PROJECT_SOURCE_DIR}/policies/core/*.hpp)
  set(output ${PROJECT_BINARY_DIR}/generated/policies/plugin_headers.hpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DFILES=${headers}" -P ${PROJECT_SOURCE_DIR}/cmake/plugin_headers.cmake
    DEPENDS ${headers} ${PROJECT_SOURCE_DIR}/cmake/plugin_headers.cmake
    COMMENT "Fingerprint of the policies' headers" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
