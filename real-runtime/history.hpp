// Removes from PostgreSQL what ended long ago, in small transactions that nobody waits for.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "real-runtime/postgres_encode.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace drydock::runtime {

class AsyncPostgres;
class PostgresClient;

// Looks at so many jobs in a transaction.
inline constexpr std::uint32_t kPruneBatch = 5000;

struct PruneOptions {
  Duration age{};           // > 0: since a job ended
  bool only_count = false;  // nothing is removed
};

struct PruneCount {
  std::uint64_t looked = 0;  // jobs that were submitted so long ago, and have ended
  std::uint64_t old = 0;     // of these, those that also ended so long ago: removed, with their attempts
};

// One batch of jobs, behind this arrival. Read by pruned_in().
[[nodiscard]] PostgresCall encode_prune(const PruneOptions& options, std::int64_t after);
struct PrunedBatch {
  PruneCount count;
  std::int64_t last = 0;  // arrival: the next batch comes after it
  [[nodiscard]] bool is_last() const { return count.looked < kPruneBatch; }
};
[[nodiscard]] Result<PrunedBatch> pruned_in(const std::vector<std::string>& row);

// All of them; waits. `told` is called after each batch with what was done so far, and ends it by returning false. Errors are the server's.
[[nodiscard]] Result<PruneCount> prune_history(PostgresClient& store, const PruneOptions& options,
                                               const std::function<bool(const PruneCount&)>& told);

// The same without waiting, each batch after the answer of the one before; where one fails it ends.
void prune_history(AsyncPostgres& store, const PruneOptions& options, std::function<void()> ended, std::int64_t after = 0);

}  // namespace drydock::runtime
