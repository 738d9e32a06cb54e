#include "sim/request_clients.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace drydock::sim {
namespace {

constexpr Share kAll{kNoLimit, kNoLimit, kNoLimit};
constexpr Rate kNoRate{.amount = 0};

Rate a_minute(std::int64_t amount) { return {.amount = amount}; }

TokenBucket full_bucket(std::int64_t rate, Duration burst) {
  if (rate == kNoLimit) return {kNoRate, 0, kTimeZero, 0};
  const std::int64_t size = scenarios::burst_of_rate(rate, burst);
  return {a_minute(rate), size, kTimeZero, size};
}

}  // namespace

RequestClients::RequestClients(const scenarios::Scenario& scenario, std::uint64_t seed, std::size_t workers)
    : scenario_(scenario),
      seed_(seed),
      total_(scenario.limits ? scenario.limits->shares.total : kAll),
      burst_(scenario.limits ? scenario.limits->burst : Duration{0}),
      enforced_(scenario.limits && scenario.limits->enforced),
      desks_(workers, Desk{.share = scenario.limits ? Share{} : kAll,
                           .requests = {kNoRate, 0, kTimeZero, 0},
                           .tokens = {kNoRate, 0, kTimeZero, 0},
                           .queue = {},
                           .counted = {}}),
      service_requests_(full_bucket(total_.requests_per_minute, burst_)),
      service_tokens_(full_bucket(total_.tokens_per_minute, burst_)) {}

const scenarios::Requests& RequestClients::kind_of(const GroupState& group) const {
  return *std::get<scenarios::SyntheticSource>(scenario_.workload[group.facts.requests.source]).requests;
}

// --- orders ---

void RequestClients::begin(Time now, const Group& facts) {
  now_ = now;
  if (groups_.size() <= facts.key) groups_.resize(facts.key + std::size_t{1});
  GroupState& group = groups_[facts.key];
  DRYDOCK_CHECK(!group.live, "two groups of one key");
  group.facts = facts;
  group.clients.clear();
  group.open = facts.tasks;
  group.began = now;
  group.live = true;
  add_load(desks_[facts.worker], group, facts.tasks);
  touch(facts.worker);
  for (std::uint32_t i = 0; i < facts.tasks; ++i) {
    const std::uint32_t client = new_client();
    Client& c = clients_[client];
    c.group = facts.key;
    c.worker = facts.worker;
    c.request = facts.first;
    c.refusals = 0;
    group.clients.push_back(client);
    queue_up(client);
  }
  count(facts.worker);
  serve(facts.worker);
}

std::uint32_t RequestClients::leave(Time now, std::uint32_t key, std::uint32_t all) {
  now_ = now;
  if (key >= groups_.size() || !groups_[key].live) return all;
  GroupState& group = groups_[key];
  std::uint32_t slowest = all;
  for (const std::uint32_t client : group.clients) {
    if (clients_[client].state != State::none) slowest = std::min(slowest, clients_[client].request);
  }
  const std::uint32_t worker = group.facts.worker;
  drop_group(group);
  // Whoever waits there goes on in a moment: perhaps the worker is about to die.
  Desk& desk = desks_[worker];
  desk.wake_at = now;
  push(now, Kind::desk, worker, ++desk.generation);
  return slowest;
}

void RequestClients::use(Time now, std::uint32_t worker, const Share& share, Time valid_until) {
  now_ = now;
  Desk& desk = desks_[worker];
  desk.share = share;
  desk.valid_until = valid_until <= now ? kNever : valid_until;
  const auto change = [&](TokenBucket& bucket, std::int64_t Share::*part) {
    if (total_.*part != kNoLimit) bucket.change(now, a_minute(share.*part), burst_of_worker(part, share));
  };
  change(desk.requests, &Share::requests_per_minute);
  change(desk.tokens, &Share::tokens_per_minute);
  if (valid_until <= now) stop_all(worker);
  count(worker);
  serve(worker);
}

void RequestClients::expire(Time now, std::uint32_t worker) {
  now_ = now;
  if (now >= desks_[worker].valid_until) stop_all(worker);
}

void RequestClients::reset(Time now, std::uint32_t worker) {
  now_ = now;
  Desk& desk = desks_[worker];
  DRYDOCK_CHECK(desk.tasks == 0 && desk.running == 0 && desk.retrying == 0,
                "a worker that ended still has tasks that make requests");
  desk.queue.clear();
  if (scenario_.limits) desk.share = {};
  desk.valid_until = kNever;
  desk.requests = {kNoRate, 0, now, 0};
  desk.tokens = {kNoRate, 0, now, 0};
  desk.wake_at = kNever;
  ++desk.generation;
  desk.refused = false;
  count(worker);
}

std::int64_t RequestClients::burst_of_worker(std::int64_t Share::*part, const Share& share) const {
  return burst_of(share.*part, total_.*part, scenarios::burst_of_rate(total_.*part, burst_));
}

// --- events ---

void RequestClients::push(Time at, Kind kind, std::uint32_t index, std::uint32_t generation) {
  constexpr std::uint32_t kMost = std::uint32_t{1} << 30U;
  DRYDOCK_CHECK(index < kMost, "more tasks that make requests than events can name");
  if (at == kNever) return;
  Pending pending;
  pending.index = index & (kMost - 1);
  pending.kind = static_cast<std::uint32_t>(kind) & 3U;
  pending.generation = generation;
  queue_.push(nanos(at), pending);
}

void RequestClients::happen(Time now) {
  now_ = now;
  while (queue_.top_time() == nanos(now)) {
    const Pending pending = queue_.pop();
    const std::uint32_t index = pending.index;
    switch (static_cast<Kind>(pending.kind)) {
      case Kind::desk:
        if (desks_[index].generation != pending.generation) break;
        desks_[index].wake_at = kNever;
        serve(index);
        break;
      case Kind::ready:
        if (clients_[index].generation != pending.generation) break;
        if (clients_[index].refusals > 0) try_again(index);
        else queue_up(index);
        serve(clients_[index].worker);
        break;
      case Kind::answer:
        if (clients_[index].generation == pending.generation) answered(index);
        break;
    }
  }
}

std::vector<RequestClients::Ended> RequestClients::take_ended() { return std::exchange(ended_, {}); }

std::vector<std::uint32_t> RequestClients::take_touched() {
  for (const std::uint32_t worker : touched_) desks_[worker].touched = false;
  return std::exchange(touched_, {});
}

void RequestClients::touch(std::uint32_t worker) {
  if (desks_[worker].touched) return;
  desks_[worker].touched = true;
  touched_.push_back(worker);
}

// --- one task ---

std::uint32_t RequestClients::new_client() {
  if (free_clients_.empty()) {
    clients_.emplace_back();
    return static_cast<std::uint32_t>(clients_.size() - 1);
  }
  const std::uint32_t client = free_clients_.back();
  free_clients_.pop_back();
  return client;
}

void RequestClients::free_client(std::uint32_t client) {
  clients_[client].state = State::none;
  ++clients_[client].generation;
  free_clients_.push_back(client);
}

void RequestClients::queue_up(std::uint32_t client) {
  Client& c = clients_[client];
  c.state = State::waiting;
  c.ready = now_;
  desks_[c.worker].queue.push_back({client, c.generation});
}

// The next try of a refused request goes before others: it has kept its place.
void RequestClients::try_again(std::uint32_t client) {
  Client& c = clients_[client];
  Desk& desk = desks_[c.worker];
  note_waited(c);
  --desk.retrying;
  c.state = State::waiting;
  c.ready = now_;
  desk.queue.push_front({client, c.generation});
}

// Lets begin what may.
void RequestClients::serve(std::uint32_t worker) {
  Desk& desk = desks_[worker];
  Time possible = kNever;
  while (!desk.queue.empty()) {
    const Place place = desk.queue.front();
    if (clients_[place.client].generation != place.generation) {
      desk.queue.pop_front();
      continue;
    }
    const std::int64_t tokens = kind_of(groups_[clients_[place.client].group]).tokens;
    if (!may_begin(desk, tokens, possible)) break;
    possible = kNever;
    desk.queue.pop_front();
    if (total_.requests_per_minute != kNoLimit) (void)desk.requests.take(now_, 1);
    if (total_.tokens_per_minute != kNoLimit) (void)desk.tokens.take(now_, tokens);
    start(place.client);
  }
  if (desk.queue.empty()) possible = kNever;
  if (possible == desk.wake_at) return;
  desk.wake_at = possible;
  push(possible, Kind::desk, worker, ++desk.generation);
}

// `possible`: when it may if nothing changes.
bool RequestClients::may_begin(const Desk& desk, std::int64_t tokens, Time& possible) const {
  possible = kNever;
  if (now_ >= desk.valid_until || desk.running + desk.retrying >= desk.share.concurrency) return false;
  possible = now_;
  if (total_.requests_per_minute != kNoLimit) possible = std::max(possible, desk.requests.ready_at(now_, 1));
  if (total_.tokens_per_minute != kNoLimit) possible = std::max(possible, desk.tokens.ready_at(now_, tokens));
  return possible <= now_;
}

void RequestClients::note_waited(Client& client) { throttled_ns_ += nanos(now_ - client.ready); }

void RequestClients::start(std::uint32_t client) {
  Client& c = clients_[client];
  const GroupState& group = groups_[c.group];
  const scenarios::Requests& kind = kind_of(group);
  note_waited(c);
  if (enforced_ && !service_takes(kind.tokens)) {
    refuse(client);
    return;
  }
  c.state = State::running;
  ++made_;
  tokens_used_ += static_cast<double>(kind.tokens);
  minute_of_requests_.add(now_, 1);
  minute_of_tokens_.add(now_, kind.tokens);
  set_running(c.worker, 1);
  const Duration takes = scenarios::request_duration(kind, seed_, group.facts.requests, c.request);
  push(later(now_, takes), Kind::answer, client, c.generation);
}

void RequestClients::answered(std::uint32_t client) {
  Client& c = clients_[client];
  GroupState& group = groups_[c.group];
  const std::uint32_t worker = c.worker;
  const scenarios::Requests& kind = kind_of(group);
  ++c.request;
  c.refusals = 0;
  set_running(worker, -1);
  if (c.request < group.facts.requests.count) {
    c.state = State::pausing;
    if (kind.delay > Duration{0}) push(later(now_, kind.delay), Kind::ready, client, c.generation);
    else queue_up(client);
  } else {
    c.state = State::none;
    ++c.generation;
    task_ns_ += static_cast<double>(nanos(now_ - group.began));
    add_load(desks_[worker], group, -1);
    touch(worker);
    count(worker);
    if (--group.open == 0) end_group(c.group, true);
  }
  serve(worker);
}

void RequestClients::stop_running(std::uint32_t client) {
  Client& c = clients_[client];
  ++stopped_;
  ++c.generation;
  c.state = State::waiting;
  c.ready = now_;
  set_running(c.worker, -1);
  desks_[c.worker].queue.push_front({client, c.generation});
}

// They go before all that wait, in the order of their places.
void RequestClients::stop_all(std::uint32_t worker) {
  if (desks_[worker].running == 0) return;
  for (auto client = static_cast<std::uint32_t>(clients_.size()); client-- > 0;) {
    if (clients_[client].worker == worker && clients_[client].state == State::running) stop_running(client);
  }
}

// --- the service ---

bool RequestClients::service_takes(std::int64_t tokens) {
  const bool rate = total_.requests_per_minute != kNoLimit;
  const bool token_rate = total_.tokens_per_minute != kNoLimit;
  if (in_flight_ >= total_.concurrency) return false;
  if (rate && service_requests_.ready_at(now_, 1) > now_) return false;
  if (token_rate && service_tokens_.ready_at(now_, tokens) > now_) return false;
  if (rate) (void)service_requests_.take(now_, 1);
  if (token_rate) (void)service_tokens_.take(now_, tokens);
  return true;
}

void RequestClients::refuse(std::uint32_t client) {
  Client& c = clients_[client];
  const scenarios::Requests& kind = kind_of(groups_[c.group]);
  ++refused_;
  desks_[c.worker].refused = true;
  touch(c.worker);
  if (c.refusals++ == kind.retries) {
    end_group(c.group, false);
    return;
  }
  c.state = State::retrying;
  c.ready = now_;
  ++desks_[c.worker].retrying;
  push(later(now_, kind.retry_delay), Kind::ready, client, c.generation);
}

// --- groups ---

void RequestClients::end_group(std::uint32_t key, bool succeeded) {
  GroupState& group = groups_[key];
  ended_.push_back({.owner = group.facts.owner, .generation = group.facts.generation, .succeeded = succeeded});
  drop_group(group);
}

void RequestClients::drop_group(GroupState& group) {
  const std::uint32_t worker = group.facts.worker;
  for (const std::uint32_t client : group.clients) {
    Client& c = clients_[client];
    const State state = c.state;
    c.state = State::none;
    if (state == State::waiting || state == State::retrying) note_waited(c);
    if (state == State::retrying) --desks_[worker].retrying;
    if (state != State::none) task_ns_ += static_cast<double>(nanos(now_ - group.began));
    if (state == State::running) set_running(worker, -1);
    free_client(client);
  }
  add_load(desks_[worker], group, -std::int64_t{group.open});
  group.live = false;
  touch(worker);
  count(worker);
}

void RequestClients::add_load(Desk& desk, const GroupState& group, std::int64_t tasks) {
  const scenarios::Requests& kind = kind_of(group);
  const double period = mean_of(kind.duration) + seconds(kind.delay);
  const auto milli = static_cast<std::int64_t>(std::llround(std::min(60e3 / period, 1e9)));
  desk.tasks += tasks;
  desk.milli_requests += tasks * milli;
  desk.milli_tokens += tasks * milli * kind.tokens;
  desk.largest_tokens = desk.tasks == 0 ? 0 : std::max(desk.largest_tokens, kind.tokens);
}

// --- what is in use ---

void RequestClients::set_running(std::uint32_t worker, std::int64_t change) {
  Desk& desk = desks_[worker];
  in_flight_ns_ += static_cast<double>(in_flight_) * static_cast<double>(nanos(now_ - in_flight_since_));
  in_flight_since_ = now_;
  in_flight_ += change;
  most_in_flight_ = std::max(most_in_flight_, in_flight_);
  const bool was_beyond = desk.running > desk.share.concurrency;
  desk.running += change;
  if (!was_beyond) return;
  count(worker);
  if (desk.running <= desk.share.concurrency) touch(worker);
}

// Brings the worker's part of in_use_ up to date.
void RequestClients::count(std::uint32_t worker) {
  Desk& desk = desks_[worker];
  Share counted = desk.tasks > 0 ? desk.share : Share{};
  counted.concurrency = std::max(counted.concurrency, desk.running);
  for (const auto part : kShareParts) {
    if (total_.*part == kNoLimit) counted.*part = 0;
  }
  if (counted == desk.counted) return;
  in_use_ = in_use_ - desk.counted + counted;
  desk.counted = counted;
  excess_.set(now_, in_use_, total_);
  for (std::size_t i = 0; i < kShareParts.size(); ++i) {
    Share of_one;
    of_one.*kShareParts[i] = in_use_.*kShareParts[i];
    excess_of_[i].set(now_, of_one, total_);
  }
}

Share RequestClients::load(std::uint32_t worker) const {
  const Desk& desk = desks_[worker];
  if (desk.tasks == 0) return {};
  return least({.concurrency = desk.tasks,
                .requests_per_minute = (desk.milli_requests + 999) / 1000,
                .tokens_per_minute = std::max(desk.largest_tokens, (desk.milli_tokens + 999) / 1000)},
               kAll);
}

bool RequestClients::take_refusal(std::uint32_t worker) { return std::exchange(desks_[worker].refused, false); }

std::optional<std::uint32_t> RequestClients::waiting_worker() const {
  const auto waits = std::ranges::find(clients_, State::waiting, &Client::state);
  if (in_flight_ > 0 || waits == clients_.end()) return std::nullopt;
  return waits->worker;
}

reports::ShareFigures RequestClients::figures(Time now) const {
  reports::ShareFigures figures;
  const auto of = [now](const ShareExcess& e) {
    return reports::ExcessFigures{.max_ratio = e.max_ratio(now), .seconds = e.seconds(now), .longest_s = e.longest_s(now)};
  };
  for (std::size_t i = 0; i < kShareParts.size(); ++i) {
    if (total_.*kShareParts[i] != kNoLimit) figures.excess[i] = of(excess_of_[i]);
  }
  if (scenario_.limits) figures.any_excess = of(excess_);
  figures.requests_made = made_;
  figures.requests_refused = refused_;
  figures.requests_stopped = stopped_;
  std::int64_t throttled = throttled_ns_;
  double task_ns = task_ns_;
  for (const Client& client : clients_) {
    if (client.state == State::none) continue;
    if (client.state == State::waiting || client.state == State::retrying) throttled += nanos(now - client.ready);
    task_ns += static_cast<double>(nanos(now - groups_[client.group].began));
  }
  figures.throttled_s = static_cast<double>(throttled) / 1e9;
  figures.task_s = task_ns / 1e9;
  const double span_ns = static_cast<double>(nanos(now));
  const double minutes = span_ns / 60e9;
  if (span_ns <= 0) return figures;
  const double level_ns = static_cast<double>(in_flight_) * static_cast<double>(nanos(now - in_flight_since_));
  figures.in_flight = {(in_flight_ns_ + level_ns) / span_ns, static_cast<double>(most_in_flight_)};
  figures.requests_per_minute = {static_cast<double>(made_) / minutes, static_cast<double>(minute_of_requests_.max())};
  figures.tokens_per_minute = {tokens_used_ / minutes, static_cast<double>(minute_of_tokens_.max())};
  return figures;
}

}  // namespace drydock::sim
