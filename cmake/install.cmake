# `cmake --install`: the binary, headers, libraries, and a package for find_package(drydock).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY DRYDOCK_LAYERS)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/drydock)

foreach(layer IN LISTS layers)
  install(TARGETS drydock_${layer} EXPORT drydock ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  string(REPLACE "_" "-" folder ${layer})
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/drydock FILES_MATCHING PATTERN "*.hpp"
    PATTERN reference EXCLUDE PATTERN web EXCLUDE)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/generated/policies/plugin_headers.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/drydock/policies)
install(DIRECTORY examples/plugin DESTINATION ${CMAKE_INSTALL_DATADIR}/drydock/examples)
if(TARGET drydock)
  # So that building drydock builds whatever `cmake --install` wants to copy.
  list(TRANSFORM layers PREPEND drydock_ OUTPUT_VARIABLE libraries)
  add_dependencies(drydock ${libraries})
  install(TARGETS drydock RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(DRYDOCK_BUILD_SCENARIOS)
  install(DIRECTORY scenarios/ DESTINATION ${CMAKE_INSTALL_DATADIR}/drydock/scenarios FILES_MATCHING PATTERN "*.json")
endif()
if(TARGET drydock AND TARGET drydock_real_runtime)
  install(TARGETS drydock-runtime RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/drydock)
  install(DIRECTORY real-runtime/deploy DESTINATION ${CMAKE_INSTALL_DATADIR}/drydock)
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT drydock NAMESPACE drydock:: FILE drydockTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/drydockConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/drydockConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change interfaces.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/drydockConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/drydockConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/drydockConfigVersion.cmake
  DESTINATION ${package_dir})
