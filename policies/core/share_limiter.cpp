#include "policies/core/share_limiter.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>

namespace drydock {

namespace {

// Who was refused and does not wait asks again about now: it counts as one that waits.
constexpr Duration kRefusalCounts = std::chrono::seconds{10};

Rate a_minute(std::int64_t amount) { return {.amount = std::min(amount, kNoLimit)}; }

std::int64_t capped_sum(std::int64_t a, std::int64_t b) { return std::min(a + b, kNoLimit); }

}  // namespace

ShareLimiter::ShareLimiter(const ShareLimiterConfig& config, Time now)
    : config_(config), requests_(a_minute(0), 0, now, 0), tokens_(a_minute(0), 0, now, 0) {}

// --- orders of the agent ---

void ShareLimiter::use(Time now, const Share& share, Time valid_until) {
  lapse(now);
  change(now, share);
  valid_until_ = valid_until <= now ? kNever : valid_until;
}

void ShareLimiter::extend(Time now, Time valid_until) {
  lapse(now);
  if (share_ != Share{}) valid_until_ = valid_until;
}

// A share whose time is over is none, whether or not the agent came to say so.
void ShareLimiter::lapse(Time now) {
  if (now < valid_until_) return;
  change(valid_until_, {});
  valid_until_ = kNever;
}

void ShareLimiter::change(Time now, const Share& share) {
  share_ = share;
  const auto set = [&](TokenBucket& bucket, std::int64_t Share::*part) {
    if (!limits(part)) return;
    bucket.change(now, a_minute(share.*part), burst_of(share.*part, config_.total.*part, config_.burst.*part));
  };
  set(requests_, &Share::requests_per_minute);
  set(tokens_, &Share::tokens_per_minute);
}

// --- what is asked ---

bool ShareLimiter::possible(const PermitRequest& request) const {
  return (!limits(&Share::concurrency) || request.concurrency <= config_.total.concurrency) &&
         (!limits(&Share::requests_per_minute) || request.requests <= config_.burst.requests_per_minute) &&
         (!limits(&Share::tokens_per_minute) || request.tokens <= config_.burst.tokens_per_minute);
}

ShareLimiter::Need ShareLimiter::need_of(Time now, const PermitRequest& request) const {
  Need need{.shortage = Shortage::none, .ready = now};
  const auto wait_for = [&](const TokenBucket& bucket, std::int64_t n, Shortage shortage) {
    const Time ready = bucket.ready_at(now, n);
    if (ready == kNever) need = {Shortage::share, kNever};
    else if (ready > need.ready) need = {shortage, ready};
  };
  if (limits(&Share::requests_per_minute)) wait_for(requests_, request.requests, Shortage::requests);
  if (limits(&Share::tokens_per_minute) && need.ready != kNever) wait_for(tokens_, request.tokens, Shortage::tokens);
  if (!limits(&Share::concurrency) || need.ready == kNever) return need;
  if (request.concurrency > share_.concurrency) return {Shortage::share, kNever};
  if (request.concurrency > 0 && running_ + request.concurrency > share_.concurrency) return {Shortage::concurrency, kNever};
  return need;
}

ShareLimiter::Reply ShareLimiter::acquire(Time now, const PermitRequest& request, bool wait) {
  DRYDOCK_CHECK(request.requests >= 0 && request.tokens >= 0 && request.concurrency >= 0,
                "nobody asks for less than nothing");
  lapse(now);
  if (!possible(request)) return {.verdict = Verdict::never};
  Need need = need_of(now, request);
  const bool overtakes = std::ranges::any_of(
      waiting_, [&](const Waiting& other) { return need_of(now, other.request).shortage != Shortage::share; });
  if (need.shortage == Shortage::none && overtakes) need.shortage = Shortage::turn;
  if (need.shortage == Shortage::none) {
    if (permits_.size() >= config_.permits_max) return {.verdict = Verdict::too_many};
    const PermitId permit{++last_permit_};
    grant(now, permit, request);
    return {.verdict = Verdict::granted, .permit = request.concurrency > 0 ? permit : PermitId{}};
  }
  if (!wait) {
    note_refusal(now, request);
    return {.verdict = Verdict::not_now, .shortage = need.shortage, .ready = need.ready};
  }
  if (waiting_.size() >= config_.waiting_max) return {.verdict = Verdict::too_many};
  waiting_.push_back({PermitId{++last_permit_}, request});
  return {.verdict = Verdict::not_now, .permit = waiting_.back().permit, .shortage = need.shortage, .ready = need.ready};
}

void ShareLimiter::grant(Time now, PermitId permit, const PermitRequest& request) {
  const bool taken = (!limits(&Share::requests_per_minute) || requests_.take(now, request.requests)) &&
                     (!limits(&Share::tokens_per_minute) || tokens_.take(now, request.tokens));
  DRYDOCK_CHECK(taken, "what is granted is there");
  ++granted_;
  refused_.reset();  // who was refused asks again
  if (request.concurrency > 0) {
    permits_.emplace(permit, Held{request.holder, request.concurrency, later(now, request.hold)});
    running_ = capped_sum(running_, request.concurrency);
  }
  const std::int64_t number = nanos(now) / 1'000'000'000;
  Second& second = seconds_[static_cast<std::size_t>(number % 60 + 60) % seconds_.size()];
  if (second.number != number) second = {.number = number};
  second.requests = capped_sum(second.requests, request.requests);
  second.tokens = capped_sum(second.tokens, request.tokens);
}

void ShareLimiter::note_refusal(Time now, const PermitRequest& request) {
  PermitRequest most = request;
  if (refused_ && now < later(refused_at_, kRefusalCounts)) {
    most.requests = std::max(most.requests, refused_->requests);
    most.tokens = std::max(most.tokens, refused_->tokens);
    most.concurrency = std::max(most.concurrency, refused_->concurrency);
  }
  refused_ = most;
  refused_at_ = now;
}

std::vector<PermitId> ShareLimiter::serve(Time now) {
  lapse(now);
  for (auto held = permits_.begin(); held != permits_.end();) {
    if (held->second.until > now) {
      ++held;
      continue;
    }
    running_ -= held->second.concurrency;
    ++lapsed_;
    held = permits_.erase(held);
  }
  std::vector<PermitId> granted;
  for (auto at = waiting_.begin(); at != waiting_.end() && permits_.size() < config_.permits_max;) {
    const Need need = need_of(now, at->request);
    if (need.shortage == Shortage::share) {
      ++at;
      continue;
    }
    if (need.shortage != Shortage::none) break;
    grant(now, at->permit, at->request);
    granted.push_back(at->permit);
    at = waiting_.erase(at);
  }
  return granted;
}

Time ShareLimiter::next_wakeup(Time now) const {
  Time next = valid_until_;
  for (const auto& [permit, held] : permits_) next = std::min(next, held.until);
  const Time forgotten = refused_ ? later(refused_at_, kRefusalCounts) : kNever;
  if (forgotten > now) next = std::min(next, forgotten);
  if (permits_.size() >= config_.permits_max) return next;  // until one is given back
  for (const Waiting& waiting : waiting_) {
    const Need need = need_of(now, waiting.request);
    if (need.shortage == Shortage::share) continue;
    return std::min(next, need.ready);
  }
  return next;
}

bool ShareLimiter::release(Time now, PermitId permit) {
  lapse(now);
  const auto held = permits_.find(permit);
  if (held != permits_.end()) {
    running_ -= held->second.concurrency;
    permits_.erase(held);
    return true;
  }
  return std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.permit == permit; }) > 0;
}

std::size_t ShareLimiter::release_all(Time now, HolderId holder) {
  lapse(now);
  std::size_t count = std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.request.holder == holder; });
  for (auto held = permits_.begin(); held != permits_.end();) {
    if (held->second.holder != holder) {
      ++held;
      continue;
    }
    running_ -= held->second.concurrency;
    held = permits_.erase(held);
    ++count;
  }
  return count;
}

ShareLimiter::Reply ShareLimiter::look(Time now, PermitId waiting) const {
  const auto at = std::ranges::find(waiting_, waiting, &Waiting::permit);
  if (at == waiting_.end()) return {.verdict = Verdict::not_now, .shortage = Shortage::none};
  Need need = need_of(now, at->request);
  if (need.shortage == Shortage::none) need.shortage = Shortage::turn;
  return {.verdict = Verdict::not_now, .permit = waiting, .shortage = need.shortage, .ready = need.ready};
}

// --- facts ---

std::optional<HolderId> ShareLimiter::holder_of(PermitId permit) const {
  const auto held = permits_.find(permit);
  if (held == permits_.end()) return std::nullopt;
  return held->second.holder;
}

Share ShareLimiter::last_minute(Time now) const {
  Share sum;
  const std::int64_t number = nanos(now) / 1'000'000'000;
  for (const Second& second : seconds_) {
    if (second.number < 0 || second.number <= number - 60 || second.number > number) continue;
    sum.requests_per_minute = capped_sum(sum.requests_per_minute, second.requests);
    sum.tokens_per_minute = capped_sum(sum.tokens_per_minute, second.tokens);
  }
  return sum;
}

LoadChanged ShareLimiter::load(Time now) const {
  const bool refused = refused_ && now < later(refused_at_, kRefusalCounts);
  LoadChanged load{.active_tasks = running_, .load = {}};
  if (running_ == 0 && waiting_.empty() && !refused) return load;
  load.load = last_minute(now);
  load.load.concurrency = running_;
  const auto add = [&](const PermitRequest& request) {
    load.load.concurrency = capped_sum(load.load.concurrency, request.concurrency);
    load.load.requests_per_minute = capped_sum(load.load.requests_per_minute, request.requests);
    load.load.tokens_per_minute = capped_sum(load.load.tokens_per_minute, request.tokens);
  };
  for (const Waiting& waiting : waiting_) add(waiting.request);
  if (refused) add(*refused_);
  // Who runs something that takes nothing is at work all the same.
  if (load.load == Share{}) load.load.requests_per_minute = 1;
  return load;
}

void ShareLimiter::check() const {
  std::int64_t sum = 0;
  for (const auto& [permit, held] : permits_) sum += held.concurrency;
  DRYDOCK_CHECK(sum == running_, "what permits hold is what runs");
  DRYDOCK_CHECK(waiting_.size() <= config_.waiting_max, "no more wait than may");
}

}  // namespace drydock
