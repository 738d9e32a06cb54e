#include "real-runtime/scheduler_process.hpp"

#include "policies/catalog.hpp"
#include "real-runtime/shadow_board.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <random>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr Duration kLook = std::chrono::milliseconds{100};
// What a scheduler begins with may fill a segment by itself: then at most so often is there another.
constexpr Duration kLeastReign = std::chrono::seconds{1};

std::string fenced_message(const RedisAddress& redis, std::int64_t own, std::int64_t above) {
  return fmt::format(
      "{} refuses its orders: somebody has raised the epoch there to {}, and it led in {}. The next leader gets a higher "
      "one; "
      "where this comes again, another installation has the same keys: give one of them another --key-prefix",
      in_words(redis), above, own);
}

// Nobody else has it, not even after a restart with the same name and process number.
std::string new_life() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

}  // namespace

SchedulerProcess::SchedulerProcess(EventLoop& loop, SchedulerConfig config, SchedulerProcessOptions options)
    : loop_(loop),
      config_(std::move(config)),
      options_(std::move(options)),
      life_(new_life()),
      start_timer_(loop, [this] { start(); }),
      look_timer_(loop, [this] { look(); }) {
  if (options_.installation) {
    claim_.emplace(loop, options_.redis, *options_.installation, claim_ttl(config_.control_plane.leadership.lease),
                   [this](std::string why) { give_up(std::move(why)); });
  }
  start();
}

SchedulerProcess::~SchedulerProcess() { close(false); }

void SchedulerProcess::start() {
  scheduler_ = std::make_unique<Scheduler>(config_, make_policies(config_));
  if (options_.shadow) {
    shadow_ = std::make_unique<Shadow>(*scheduler_, options_.shadow->config, make_policies(options_.shadow->config),
                                       options_.shadow->name);
  }
  SchedulerDriverOptions options{.redis = options_.redis,
                                 .postgres = options_.postgres,
                                 .name = options_.name,
                                 .holder = fmt::format("{} {}-{}", options_.name, life_, ++schedulers_),
                                 .epoch_min = epoch_min_,
                                 .worker_lease = options_.worker_lease,
                                 .journal = options_.journals != nullptr ? &options_.journals->next_segment() : nullptr,
                                 .keep_history = options_.keep_history,
                                 .shadow = shadow_.get(),
                                 .wrap_counter = options_.wrap_counter,
                                 .wrap_commits = options_.wrap_commits};
  driver_ = std::make_unique<SchedulerDriver>(loop_, *scheduler_, std::move(options));
  driver_->on_stepped_down([this] { stepped_down(); });
  driver_->on_idle([this] {
    if (on_idle_) on_idle_();
  });
  driver_->on_statistics([this](const NoteStatistics& note) {
    if (on_statistics_) on_statistics_(note);
  });
  driver_->on_first_dispatch([this](Duration wait) {
    if (on_first_dispatch_) on_first_dispatch_(wait);
  });
  driver_->on_dispatch([this](const Dispatch& order) {
    if (on_dispatch_) on_dispatch_(order);
  });
  driver_->on_error([this](std::string why) { fail(std::move(why)); });
  look_timer_.start_soon();
}

// Its process may start another one, which begins as a standby.
void SchedulerProcess::stepped_down() {
  // A database that came back from an old backup knows lower epochs than Redis.
  epoch_min_ = std::max(epoch_min_, driver_->outranked_by() + 1);
  const bool rotates = ended_ == nullptr && options_.journals != nullptr && options_.journals->full();
  why_it_stepped_down_.clear();
  if (driver_->was_fenced())
    why_it_stepped_down_ = fenced_message(options_.redis.address, driver_->epoch(), driver_->outranked_by());
  gather(*driver_);
  reigns_ += driver_->has_led() ? 1U : 0U;
  driver_.reset();
  shadow_.reset();
  scheduler_.reset();
  look();
  if (closed_) return;
  if (ended_) return std::exchange(ended_, nullptr)();
  if (!given_up_.empty()) return fail(given_up_);
  start_timer_.start(rotates ? loop_.now() : later(loop_.now(), options_.restart));
}

void SchedulerProcess::look() {
  if (std::exchange(led_, leads()) != leads()) {
    turn_at_ = loop_.now();
    if (on_turn_) on_turn_();
  }
  if (driver_ == nullptr || closed_) return;
  if (led_ && loop_.now() >= post_at_) post_shadow();
  const bool may_rotate = led_ && options_.journals != nullptr && loop_.now() - turn_at_ >= kLeastReign;
  if (may_rotate && options_.journals->full()) return driver_->shut_down();
  look_timer_.start(later(loop_.now(), kLook));
}

void SchedulerProcess::shut_down(std::function<void()> ended) {
  ended_ = std::move(ended);
  if (driver_ != nullptr && error_.empty()) return driver_->shut_down();
  start_timer_.stop();
  std::exchange(ended_, nullptr)();
}

// The lease first, so that nobody waits for its end.
void SchedulerProcess::give_up(std::string why) {
  if (closed_ || ended_ || !error_.empty()) return;
  given_up_ = std::move(why);
  if (driver_ != nullptr) return driver_->shut_down();
  start_timer_.stop();
  fail(given_up_);
}

void SchedulerProcess::fail(std::string why) {
  if (!error_.empty()) return;
  error_ = std::move(why);
  if (on_error_) on_error_(error_);
}

void SchedulerProcess::close(bool all_ended) {
  if (std::exchange(closed_, true)) return;
  start_timer_.stop();
  look_timer_.stop();
  if (driver_ != nullptr) driver_->close(all_ended);
}

// --- what is known ---

void SchedulerProcess::gather(const SchedulerDriver& driver) {
  counts_ += driver.counts();
  steps_ += driver.steps();
  shadow_report_ = shadow();
}

std::optional<ShadowReport> SchedulerProcess::shadow() const {
  if (shadow_ == nullptr) return shadow_report_;
  if (!shadow_report_) return shadow_->report();
  ShadowReport all = *shadow_report_;
  all += shadow_->report();
  return all;
}

void SchedulerProcess::post_shadow() {
  if (shadow_ == nullptr) return;
  post_at_ = later(loop_.now(), kPostShadow);
  driver_->leave_word(kShadowKey, to_json(*shadow()), kShadowStands);
}

JobCounts SchedulerProcess::counts() const {
  JobCounts all = counts_;
  if (driver_ != nullptr) all += driver_->counts();
  return all;
}

std::uint64_t SchedulerProcess::steps() const { return steps_ + (driver_ != nullptr ? driver_->steps() : 0); }

std::string SchedulerProcess::problem() const {
  if (!error_.empty()) return error_;
  return driver_ != nullptr ? driver_->problem() : "it has stepped down and will stand by again";
}

std::uint32_t SchedulerProcess::incarnation_of(WorkerId worker) const {
  if (scheduler_ == nullptr || index(worker) >= scheduler_->cluster().worker_count()) return 0;
  return scheduler_->cluster().worker(worker).incarnation;
}

bool SchedulerProcess::runs(AttemptId attempt, WorkerId worker) const {
  if (scheduler_ == nullptr) return false;
  const auto found = scheduler_->cluster().find(attempt.job);
  if (!found) return false;
  const Job& job = scheduler_->cluster().job(*found);
  const auto is_there = [worker](const Placement& placement) { return placement.worker == worker; };
  return job.attempt == attempt.number && job.state == JobState::running && std::ranges::any_of(job.placements, is_there);
}

bool SchedulerProcess::is_live(WorkerId worker) const {
  return incarnation_of(worker) > 0 && scheduler_->cluster().worker(worker).live;
}

}  // namespace drydock::runtime
