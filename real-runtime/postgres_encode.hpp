// What a client sends for an operation. No I/O: for the blocking client and for an asynchronous one.
#pragma once

#include "policies/ports/postgres.hpp"
#include "real-runtime/postgres_schema.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

struct PostgresCall {
  std::optional<PostgresStatement> statement;          // none: `text`, without parameters
  std::string text;                                    //
  std::vector<std::optional<std::string>> parameters;  // in text form; none: null
  bool last_is_binary = false;                         // the last parameter is in binary form: payloads, which may be long
};

// The calls of an operation, in order: one transaction. None for TakeHints, which only looks at what has been heard.
[[nodiscard]] std::vector<PostgresCall> encode(const postgres::Op& op, std::string_view schema);

// Statement submit_once: jobs without ids, at least one, under this key (empty: none), which stands for what has this digest.
[[nodiscard]] PostgresCall encode_submission(const std::string& key, const std::string& digest,
                                             const std::vector<postgres::Job>& jobs);

// Statements name_queues and lead_queues, whose answer is read by queue_numbers_in().
[[nodiscard]] PostgresCall encode_queues(const std::vector<std::string>& names);
[[nodiscard]] PostgresCall encode_queues(const postgres::Fence& fence, const std::vector<std::string>& names);
// Nothing: there are none, or it is in another shape.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> queue_numbers_in(const std::vector<std::string>& row);

// A parameter of type text[].
[[nodiscard]] std::string text_array(const std::vector<std::string>& rows);

// Whether the calls begin and end a transaction by themselves: when one fails, the connection must be told to roll back before it
// does anything else.
[[nodiscard]] bool is_explicit_transaction(const postgres::Op& op);

}  // namespace drydock::runtime
