// How a call gets to libpq: for the blocking client and for the asynchronous one.
#pragma once

#include "real-runtime/postgres_encode.hpp"

struct pg_conn;

namespace drydock::runtime {

// False: it could not be, and PQerrorMessage() says why.
[[nodiscard]] bool send_call(pg_conn* connection, const PostgresCall& call);

}  // namespace drydock::runtime
