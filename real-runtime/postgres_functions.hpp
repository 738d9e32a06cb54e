// The functions of the schema, in PL/pgSQL.
#pragma once

#include <string>

namespace drydock::runtime {

// "@." stands for the schema.
[[nodiscard]] std::string postgres_functions();

}  // namespace drydock::runtime
