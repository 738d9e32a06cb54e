#include "sim/shares.hpp"

#include "policies/catalog.hpp"
#include "policies/core/rng.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace drydock::sim {
namespace {

// Tasks that wait for so long, while nobody makes a request, will wait for ever.
constexpr Duration kStarved = std::chrono::hours{24 * 7};

}  // namespace

Shares::Shares(const scenarios::Scenario& scenario, const Platform& platform, std::uint64_t seed, const Links& links,
               Interposer* interposer)
    : scenario_(scenario),
      platform_(platform),
      seed_(seed),
      clients_(scenario, seed, platform.workers().size()),
      channel_(scenario, platform, mix64(seed ^ stream_of("share-messages")),
               {.links = &links, .kind = BeatChannel::Kind::shares}),
      interposer_(interposer),
      takes_part_(platform.workers().size(), false),
      nodes_(platform.workers().size()) {
  if (!scenario.limits) return;
  policy_ = make_share(scenario.limits->policy);
  // It was set up before anybody began: nothing is lost that it would have to wait for.
  ledger_.emplace(scenario.limits->shares, *policy_, ShareLedgerState{.store = store_, .holders = {}, .published = {}});
  for (std::size_t worker = 0; worker < nodes_.size(); ++worker) {
    takes_part_[worker] = makes_requests(scenario, scenario.pools[index(platform.workers()[worker].spec.pool)]);
  }
}

// --- processes ---

Duration Shares::phase(std::uint32_t worker, std::string_view name, Duration period) const {
  const std::uint64_t process = (std::uint64_t{nodes_[worker].incarnation} << 32U) | worker;
  const double part = unit_interval(counted(seed_, stream_of(name), process));
  return Duration{static_cast<std::int64_t>(part * static_cast<double>(nanos(period)))};
}

void Shares::started(Time now, std::uint32_t worker) {
  if (!takes_part_[worker]) return;
  now_ = now;
  Node& node = nodes_[worker];
  ++node.incarnation;
  ShareAgentConfig config{.worker = {worker},
                          .incarnation = node.incarnation,
                          .weight = scenario_.limits->weights[index(platform_.workers()[worker].spec.pool)],
                          .limits = scenario_.limits->shares,
                          .check_phase = {},
                          .adjust_phase = {}};
  const auto& protocol = policy_->rules().protocol;
  if (const auto* announced = std::get_if<AnnouncedShares>(&protocol)) {
    config.check_phase = phase(worker, "share-check", announced->check);
    config.adjust_phase = phase(worker, "share-adjust", announced->adjust);
  } else if (const auto* adaptive = std::get_if<AdaptiveShares>(&protocol)) {
    config.adjust_phase = phase(worker, "share-adjust", adaptive->adjust);
  }
  node.agent.emplace(config, *policy_);
  node.told = {};
  node.messages = 0;
  node.bad = 0;
  node.wake_at = now;
  push(now, Kind::wake, worker, ++node.generation);
}

void Shares::stopped(Time now, std::uint32_t worker) {
  now_ = now;
  clients_.reset(now, worker);
  Node& node = nodes_[worker];
  node.agent.reset();
  node.wake_at = kNever;
  ++node.generation;
}

void Shares::lose_store() {
  ++store_.value;
  if (ledger_) ledger_.emplace(scenario_.limits->shares, *policy_);
}

// --- events ---

void Shares::push(Time at, Kind kind, std::uint32_t index, std::uint32_t generation) {
  if (at != kNever) queue_.push(nanos(at), {index, generation, kind});
}

std::int64_t Shares::next() const { return std::min(clients_.next(), queue_.top_time()); }

void Shares::happen(Time now) {
  now_ = now;
  while (!error_) {
    if (clients_.next() == nanos(now)) {
      clients_.happen(now);
    } else if (clients_.has_touched()) {
      std::vector<std::uint32_t> touched = clients_.take_touched();
      std::ranges::sort(touched);
      for (const std::uint32_t worker : touched) tell(worker);
    } else if (queue_.top_time() == nanos(now)) {
      work(queue_.pop());
    } else {
      return;
    }
  }
}

void Shares::work(const Pending& pending) {
  switch (pending.kind) {
    case Kind::wake:
      if (nodes_[pending.index].generation != pending.generation) return;
      nodes_[pending.index].wake_at = kNever;
      step_with_load(pending.index, false);
      look_for_starvation();
      return;
    case Kind::arrival: return arrive(pending.index);
    case Kind::answer: return answer(pending.index, Answer::done);
    case Kind::time_out: return answer(pending.index, Answer::unknown);
  }
}

// --- agents ---

void Shares::tell(std::uint32_t worker) {
  const bool refused = clients_.take_refusal(worker);
  if (nodes_[worker].agent) step_with_load(worker, refused);
}

void Shares::step_with_load(std::uint32_t worker, bool refused) {
  Node& node = nodes_[worker];
  node.told = {.active_tasks = clients_.running(worker), .load = clients_.load(worker)};
  const std::array<ShareEvent, 2> events{node.told, Throttled{}};
  step(worker, std::span(events).first(refused ? 2 : 1));
}

void Shares::step(std::uint32_t worker, std::span<const ShareEvent> events) {
  Node& node = nodes_[worker];
  clients_.expire(now_, worker);
  for (const ShareCommand& command : node.agent->step(now_, events)) obey(worker, command);
  const Time wake_at = node.agent->next_wakeup();
  if (wake_at == node.wake_at) return;
  node.wake_at = wake_at;
  push(wake_at == kNever ? kNever : std::max(wake_at, now_), Kind::wake, worker, ++node.generation);
}

void Shares::obey(std::uint32_t worker, const ShareCommand& command) {
  if (const auto* ask = std::get_if<AskLedger>(&command)) {
    send(worker, *ask);
  } else if (const auto* changed = std::get_if<ShareChanged>(&command)) {
    clients_.use(now_, worker, changed->to, changed->valid_until);
  } else {
    clients_.extend(worker, std::get<ShareExtended>(command).valid_until);
  }
}

// --- messages ---

// How long the next message of the worker, or to it, is on its way; nothing if it is lost.
std::optional<Duration> Shares::on_the_way(std::uint32_t worker, Way way) {
  Node& node = nodes_[worker];
  const BeatChannel::Sender sender{.worker = worker, .process = node.incarnation, .host = platform_.workers()[worker].host};
  const std::uint64_t number = node.messages++;
  if (channel_.loses(sender, number, now_, node.bad, way)) return std::nullopt;
  return channel_.delay(sender, number, now_);
}

std::uint32_t Shares::keep(Message message) {
  if (free_messages_.empty()) {
    messages_.push_back(std::move(message));
    return static_cast<std::uint32_t>(messages_.size() - 1);
  }
  const std::uint32_t place = free_messages_.back();
  free_messages_.pop_back();
  messages_[place] = std::move(message);
  return place;
}

// Of the question and the giving up, only what will come first is an event.
void Shares::send(std::uint32_t worker, const AskLedger& ask) {
  Message message{.worker = worker,
                  .incarnation = nodes_[worker].incarnation,
                  .request = ask.request,
                  .sent = now_,
                  .operation = {},
                  .reply = {}};
  const Time give_up = later(now_, scenario_.limits->answer_timeout);
  const auto delay = on_the_way(worker, Way::to_redis);
  if (!delay || later(now_, *delay) > give_up) push(give_up, Kind::time_out, keep(message));
  if (!delay) return;
  message.operation = ask.operation;
  push(later(now_, *delay), Kind::arrival, keep(std::move(message)));
}

void Shares::arrive(std::uint32_t place) {
  Message& message = messages_[place];
  const Node& node = nodes_[message.worker];
  message.reply = ledger_->apply(now_, store_, message.operation);
  if (interposer_ != nullptr) message.reply = interposer_->reply(message.reply);
  const Time give_up = later(message.sent, scenario_.limits->answer_timeout);
  const bool awaited = node.agent && node.incarnation == message.incarnation && now_ <= give_up;
  const auto delay = awaited ? on_the_way(message.worker, Way::from_redis) : std::nullopt;
  const bool in_time = delay && later(now_, *delay) <= give_up;
  if (!awaited) free_messages_.push_back(place);
  else push(in_time ? later(now_, *delay) : give_up, in_time ? Kind::answer : Kind::time_out, place);
}

void Shares::answer(std::uint32_t place, Answer how) {
  const Message message = std::move(messages_[place]);
  free_messages_.push_back(place);
  const Node& node = nodes_[message.worker];
  if (!node.agent || node.incarnation != message.incarnation) return;
  // What runs now, before the answer.
  if (node.told.active_tasks != clients_.running(message.worker)) step_with_load(message.worker, false);
  const std::array<ShareEvent, 1> events{LedgerAnswered{message.request, how, message.reply}};
  step(message.worker, events);
}

// --- the end ---

std::optional<Violation> Shares::broken_promise(Time now) const {
  if (!policy_ || !std::holds_alternative<LeasedShares>(policy_->rules().protocol)) return std::nullopt;
  const auto excess = clients_.figures(now).any_excess;
  if (!excess || excess->seconds <= 0) return std::nullopt;
  return Violation{.invariant = 6,
                   .at = now,
                   .what = fmt::format("workers could together use {:.3g} times a limit, for {:.9g} s in all",
                                       excess->max_ratio, excess->seconds)};
}

void Shares::look_for_starvation() {
  if (scenario_.duration || now_ - progress_at_ < kStarved) return;
  const auto worker = clients_.waiting_worker();
  if (clients_.made() != made_ || !worker) {
    made_ = clients_.made();
    progress_at_ = now_;
    return;
  }
  const Share& share = nodes_[*worker].agent->share();
  error_ = fmt::format(
      "no request was made for {:.0f} days while tasks wait for a share: worker {} may use {} at a time, {} requests and {} "
      "tokens a minute; raise \"limits\" or \"burst\", or give the scenario a \"duration\"",
      seconds(kStarved) / 86400, *worker, share.concurrency, share.requests_per_minute, share.tokens_per_minute);
}

}  // namespace drydock::sim
