#include "real-runtime/postgres_send.hpp"

#include "real-runtime/postgres_schema.hpp"

#include <libpq-fe.h>
#include <vector>

namespace drydock::runtime {

bool send_call(pg_conn* connection, const PostgresCall& call) {
  if (!call.statement) {
    return PQsendQueryParams(connection, call.text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats(call.parameters.size(), 0);
  values.reserve(call.parameters.size());
  lengths.reserve(call.parameters.size());
  for (const auto& parameter : call.parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
    lengths.push_back(parameter ? static_cast<int>(parameter->size()) : 0);
  }
  if (call.last_is_binary) formats.back() = 1;
  return PQsendQueryPrepared(connection, name_of(*call.statement), static_cast<int>(values.size()), values.data(),
                             lengths.data(), formats.data(), 0) == 1;
}

}  // namespace drydock::runtime
