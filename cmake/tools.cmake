# Tools that make builds faster where they are found, and sanitizers for everything in a build tree.
find_program(DRYDOCK_CCACHE ccache)
if(DRYDOCK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DRYDOCK_CCACHE})
endif()

find_program(DRYDOCK_MOLD mold)
if(DRYDOCK_MOLD)
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=mold DRYDOCK_MOLD_WORKS)
  if(DRYDOCK_MOLD_WORKS)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

if(DRYDOCK_SANITIZE)
  add_compile_options(-fsanitize=${DRYDOCK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DRYDOCK_SANITIZE})
  if(DRYDOCK_SANITIZE MATCHES undefined)  # a quarter of the time to compile, for what AddressSanitizer sees as well or this machine allows
    add_compile_options(-fno-sanitize=null,alignment,vptr,object-size)
  endif()
  if(DRYDOCK_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-tsan)  # SimGrid's headers have fences, which g++ warns that it does not follow
  endif()
endif()

# Presets are no input of the build by themselves.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/CMakePresets.json)
