# cmake -DOUTPUT=<.cpp> -DFOLDER=<folder> -DFILES=<list> -P embed.cmake: a table of the files' texts, by their path in the
# folder without ".json".
# scenarios/embedded.hpp declares it.
set(table "")
set(count 0)
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name "${FOLDER}" "${file}")
  string(REGEX REPLACE "\\.json$" "" name "${name}")
  file(READ "${file}" text)
  string(APPEND table "    {\"${name}\", R\"~embedded~(${text})~embedded~\"},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed.cmake.
#include \"scenarios/embedded.hpp\"

#include <array>

namespace drydock::scenarios {

std::span<const EmbeddedFile> embedded_files() {
  static constexpr std::array<EmbeddedFile, ${count}> kFiles{{
${table}  }};
  return kFiles;
}

}  // namespace drydock::scenarios
")
