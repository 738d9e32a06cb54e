# Installs drydock into an empty prefix and builds and runs tests/install/consumer against it, as a stranger's project would.
# VARIANT: installed_package (all of the build in BINARY_DIR) or installed_policies_alone (configured anew, without SimGrid).
cmake_minimum_required(VERSION 3.25)

set(work "${BINARY_DIR}/tests/${VARIANT}")
set(prefix "${work}/prefix with a space")
file(REMOVE_RECURSE "${prefix}" "${prefix} moved" "${work}/consumer")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed (${result}): ${ARGN}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

if(VARIANT STREQUAL "installed_package")
  set(built "${BINARY_DIR}")
  set(components policies scenarios reports sim)
  if(EXISTS "${built}/libdrydock_real_runtime.a")
    list(APPEND components real_runtime)
  endif()
else()
  set(built "${work}/build")
  set(components policies)
  # Without pkg-config nothing here could find SimGrid.
  run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${built}" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}"
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG= -DDRYDOCK_BUILD_SIM=OFF -DDRYDOCK_BUILD_SCENARIOS=OFF
    -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON)
  run("${CMAKE_COMMAND}" --build "${built}")
endif()

run("${CMAKE_COMMAND}" --install "${built}" --prefix "${prefix}")
run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}/tests/install/consumer" -B "${work}/consumer" -G "${GENERATOR}"
  "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_PREFIX_PATH=${prefix}" "-DCOMPONENTS=${components}")
run("${CMAKE_COMMAND}" --build "${work}/consumer")
run("${work}/consumer/consumer")
if(NOT output MATCHES "job 0 was dispatched to worker 0")
  message(FATAL_ERROR "the consumer said: ${output}")
endif()

# A policy of one's own, from the example that was installed.
file(REMOVE_RECURSE "${work}/plugin")
run("${CMAKE_COMMAND}" -S "${prefix}/share/drydock/examples/plugin" -B "${work}/plugin" -G "${GENERATOR}"
  "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_PREFIX_PATH=${prefix}")
run("${CMAKE_COMMAND}" --build "${work}/plugin")

if(VARIANT STREQUAL "installed_package")
  run("${prefix}/bin/drydock" version)
  set(with "--plugin=${work}/plugin/libshort_first.so")
  set(scenario "${prefix}/share/drydock/examples/plugin/scenario.json")
  run("${prefix}/bin/drydock" simulate "${scenario}" ${with} --seeds 1..2 --check)
  run("${prefix}/bin/drydock" sweep "${scenario}" ${with} --variant short-first --vary /policies/placement/limit=1s,10s --seeds 1..2)
  if("real_runtime" IN_LIST components)  # in a program of its own, which is to be found wherever both were installed
    file(RENAME "${prefix}" "${prefix} moved")
    run("${prefix} moved/bin/drydock" worker --help)
    file(RENAME "${prefix} moved" "${prefix}")
  endif()
elseif(EXISTS "${prefix}/bin/drydock" OR EXISTS "${prefix}/include/drydock/sim")
  message(FATAL_ERROR "a build of the policies alone installed the simulation")
elseif(EXISTS "${prefix}/include/drydock/real-runtime")
  message(FATAL_ERROR "a build of the policies alone installed the real runtime")
endif()

# The headers alone must do: nothing that is installed may name the source tree.
file(GLOB_RECURSE texts "${prefix}/*.cmake" "${prefix}/*.hpp")
foreach(text IN LISTS texts)
  file(READ "${text}" content)
  string(FIND "${content}" "${SOURCE_DIR}" place)
  if(NOT place EQUAL -1)
    message(FATAL_ERROR "${text} names ${SOURCE_DIR}")
  endif()
endforeach()
message(STATUS "${VARIANT}: the consumer found ${components} and ran")
