# Included: drydock_report_page(RESULT) gives the source file with the page of reports/web; made anew when its sources change.
# cmake -DOUTPUT=<.cpp> -DPAGE=<.html or empty> -P report_page.cmake writes that source; cli/report_template.hpp declares what is in it.
if(CMAKE_SCRIPT_MODE_FILE)
  set(text "")
  if(PAGE)
    file(READ "${PAGE}" text)
  endif()
  # Compilers limit the length of a single literal.
  string(LENGTH "${text}" length)
  set(literals "")
  set(from 0)
  while(from LESS length)
    string(SUBSTRING "${text}" ${from} 8000 part)
    string(APPEND literals "\n    R\"~embedded~(${part})~embedded~\"")
    math(EXPR from "${from} + 8000")
  endwhile()
  if(NOT literals)
    set(literals " \"\"")
  endif()
  file(WRITE "${OUTPUT}" "// Made by cmake/report_page.cmake.
#include \"cli/report_template.hpp\"

namespace drydock::cli {

std::string_view report_template() {
  static constexpr char kPage[] =${literals};
  return {kPage, sizeof(kPage) - 1};
}

}  // namespace drydock::cli
")
  return()
endif()

find_program(DRYDOCK_NODE NAMES node nodejs)
find_program(DRYDOCK_NPM npm)

function(drydock_report_page result)
  set(folder ${PROJECT_SOURCE_DIR}/reports/web)
  set(script ${PROJECT_SOURCE_DIR}/cmake/report_page.cmake)
  set(made ${PROJECT_BINARY_DIR}/web)
  set(output ${PROJECT_BINARY_DIR}/generated/report_template.cpp)
  set(${result} ${output} PARENT_SCOPE)
  if(NOT DRYDOCK_BUILD_REPORTS_WEB OR NOT DRYDOCK_NODE OR NOT DRYDOCK_NPM)
    if(DRYDOCK_BUILD_REPORTS_WEB)
      message(STATUS "node or npm was not found: `drydock report --html` is left out")
    endif()
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DPAGE= -P ${script} DEPENDS ${script} VERBATIM)
    return()
  endif()
  set(lists ${folder}/package.json ${folder}/package-lock.json ${folder}/.npmrc)
  add_custom_command(OUTPUT ${made}/installed
    COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
    COMMAND ${CMAKE_COMMAND} -E copy ${lists} ${made}
    COMMAND ${CMAKE_COMMAND} -E chdir ${made} ${DRYDOCK_NPM} ci --ignore-scripts --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${made}/installed
    DEPENDS ${lists}
    COMMENT "Installing what the page of reports needs (npm; without it: cmake -DDRYDOCK_BUILD_REPORTS_WEB=OFF)" VERBATIM)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/src/* ${folder}/page.html ${folder}/build.mjs)
  add_custom_command(OUTPUT ${output}
    COMMAND ${DRYDOCK_NODE} ${folder}/build.mjs ${made}/node_modules ${made}/page.html
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DPAGE=${made}/page.html -P ${script}
    DEPENDS ${sources} ${made}/installed ${script}
    COMMENT "Making the page of reports" VERBATIM)
endfunction()
