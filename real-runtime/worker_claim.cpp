#include "real-runtime/worker_claim.hpp"

#include "policies/ports/redis_keys.hpp"
#include "policies/ports/worker_text.hpp"

#include <charconv>
#include <fmt/format.h>

namespace drydock::runtime {

namespace {

std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<std::optional<WorkerKey>> look_at_worker(RedisClient& redis, WorkerId worker) {
  const std::string key = redis.key(redis::worker_key(worker_name(worker)));
  const auto texts = redis.run({"HGETALL", key});
  if (!texts) return texts.error();
  const auto reply = redis.execute(redis::WorkerTtl{worker_name(worker)});
  const auto* ttl = std::get_if<redis::Ttl>(&reply);
  if (ttl == nullptr) return Error{to_text(reply)};
  if (texts.value().empty() || ttl->state == redis::Ttl::State::missing) return std::optional<WorkerKey>{};
  redis::Fields fields;
  for (std::size_t i = 0; i + 1 < texts.value().size(); i += 2) fields.emplace(texts.value()[i], texts.value()[i + 1]);
  WorkerKey seen{.place = read_place(fields)};
  if (const auto at = fields.find("incarnation"); at != fields.end()) seen.incarnation = number_in(at->second);
  if (ttl->state == redis::Ttl::State::expiring) seen.left = ttl->left;
  return std::optional(std::move(seen));
}

KeyOwner owner_of(const std::optional<WorkerKey>& key, const std::optional<WorkerKey>& before) {
  if (!key || !key->left) return KeyOwner::nobody;
  if (const auto lives = is_alive(key->place)) return *lives ? KeyOwner::alive : KeyOwner::dead;
  const bool beats = before && before->left && before->place.life == key->place.life && *key->left > *before->left;
  return beats ? KeyOwner::alive : KeyOwner::unknown;
}

std::string in_words(const WorkerPlace& place) {
  if (place.machine.empty()) return "on a machine that it does not name";
  std::string more;
  if (!place.process.empty()) more = fmt::format("process {}", place.process.substr(0, place.process.find('/')));
  if (!place.jobs_folder.empty()) more += fmt::format("{}jobs in {}", more.empty() ? "" : ", ", place.jobs_folder);
  return fmt::format("on machine {}{}", place.machine.substr(0, place.machine.find('/')),
                     more.empty() ? "" : fmt::format(" ({})", more));
}

}  // namespace drydock::runtime
