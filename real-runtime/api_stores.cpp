#include "real-runtime/api_stores.hpp"

#include "real-runtime/job_reasons.hpp"

namespace drydock::runtime {

namespace {

// Nobody waits for a minute at the other end of a request.
PostgresClientOptions impatient(PostgresClientOptions options) {
  options.may_install = false;
  options.connect_timeout = std::chrono::seconds{2};
  options.reply_timeout = ApiStores::kReplyTimeout;
  return options;
}
RedisClientOptions impatient(RedisClientOptions options) {
  options.connect_timeout = std::chrono::seconds{2};
  options.reply_timeout = std::chrono::seconds{2};
  return options;
}

constexpr std::chrono::seconds kKnownFor{1};

}  // namespace

ApiStores::ApiStores(const ApiStoresOptions& options)
    : schema_(options.postgres.schema),
      redis_(impatient(options.redis), options.connections),
      postgres_(impatient(options.postgres), options.connections) {}

Result<std::vector<NamedQueue>> ApiStores::queues(bool anew) {
  {
    const std::lock_guard lock(mutex_);
    if (!anew && queues_.value && Clock::now() < queues_.until) return *queues_.value;
  }
  auto queues = with_postgres([this](PostgresClient& store) { return read_queues(store, schema_); });
  if (!queues) return queues;
  if (queues.value().empty()) return Error{"no scheduler has said yet which queues there are: start one first"};
  const std::lock_guard lock(mutex_);
  queues_ = {queues.value(), Clock::now() + kKnownFor};
  return queues;
}

Result<JobTally> ApiStores::tally() {
  {
    const std::lock_guard lock(mutex_);
    if (tally_.value && Clock::now() < tally_.until) return *tally_.value;
  }
  auto counted = with_postgres([this](PostgresClient& store) { return count_jobs(store, schema_, kMostCounted); });
  if (!counted) return counted;
  const std::lock_guard lock(mutex_);
  tally_ = {counted.value(), Clock::now() + kKnownFor};
  return counted;
}

Result<std::vector<Resources>> ApiStores::capacities() {
  {
    const std::lock_guard lock(mutex_);
    if (capacities_.value && Clock::now() < capacities_.until) return *capacities_.value;
  }
  auto read = with_redis([](RedisClient& redis) { return read_capacities(redis); });
  if (!read) return read;
  const std::lock_guard lock(mutex_);
  capacities_ = {read.value(), Clock::now() + kKnownFor};
  return read;
}

}  // namespace drydock::runtime
