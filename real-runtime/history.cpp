#include "real-runtime/history.hpp"

#include "real-runtime/async_postgres.hpp"
#include "real-runtime/postgres_client.hpp"

#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace drydock::runtime {

PostgresCall encode_prune(const PruneOptions& options, std::int64_t after) {
  const auto age_us = std::chrono::ceil<std::chrono::microseconds>(options.age).count();
  return {PostgresStatement::prune_history,
          {},
          {fmt::to_string(age_us), fmt::to_string(after), fmt::to_string(kPruneBatch), options.only_count ? "f" : "t"}};
}

Result<PrunedBatch> pruned_in(const std::vector<std::string>& row) {
  if (row.size() != 3) return Error{"PostgreSQL answered in another shape than this program expects"};
  PrunedBatch batch{.count = {.looked = std::stoull(row[0]), .old = std::stoull(row[1])}};
  if (!row[2].empty()) batch.last = std::stoll(row[2]);  // nothing was looked at
  return batch;
}

Result<PruneCount> prune_history(PostgresClient& store, const PruneOptions& options,
                                 const std::function<bool(const PruneCount&)>& told) {
  PruneCount all;
  for (std::int64_t after = 0;;) {
    const auto row = store.call(encode_prune(options, after));
    if (!row) return row.error();
    const auto batch = pruned_in(row.value());
    if (!batch) return batch.error();
    all.looked += batch.value().count.looked;
    all.old += batch.value().count.old;
    if (!told(all) || batch.value().is_last()) return all;
    after = batch.value().last;
  }
}

void prune_history(AsyncPostgres& store, const PruneOptions& options, std::function<void()> ended, std::int64_t after) {
  store.call(encode_prune(options, after), [&store, options, ended = std::move(ended)](const auto& row) {
    const auto batch = row ? pruned_in(row.value()) : Result<PrunedBatch>(row.error());
    if (!batch || batch.value().is_last()) return ended();
    prune_history(store, options, ended, batch.value().last);
  });
}

}  // namespace drydock::runtime
