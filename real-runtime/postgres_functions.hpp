// The functions of the schema, in PL/pgSQL.
#pragma once

#include <string>

namespace drydock::runtime {

// "@." stands for the schema.
[[nodiscard]] std::string postgres_functions();
// Of these, what carries out batches (postgres_batches.cpp).
[[nodiscard]] std::string postgres_batch_functions();

}  // namespace drydock::runtime
