# Writes OUTPUT: the hash of all headers that a plugin may be compiled with, in the order of FILES.
set(texts "")
foreach(file IN LISTS FILES)
  file(READ "${file}" text)
  string(APPEND texts "${text}")
endforeach()
string(SHA256 hash "${texts}")
string(SUBSTRING "${hash}" 0 12 hash)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "// Of the headers of this folder and of policies/core; see policies/plugin.hpp.
#pragma once
#define DRYDOCK_PLUGIN_HEADERS \"${hash}\"
")
