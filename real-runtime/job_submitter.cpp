#include "real-runtime/job_submitter.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

constexpr std::size_t kMostAtOnce = 1000;
constexpr Duration kRetry = std::chrono::milliseconds{200};

}  // namespace

JobSubmitter::JobSubmitter(EventLoop& loop, PostgresClientOptions options)
    : loop_(loop), again_(loop, [this] { send(); }), postgres_(loop, std::move(options), [this] { send(); }) {}

void JobSubmitter::submit(std::vector<postgres::Job> jobs) {
  std::ranges::move(jobs, std::back_inserter(jobs_));
  send();
}

void JobSubmitter::send() {
  if (sending_ > 0 || jobs_.empty() || !postgres_.connected()) return;
  sending_ = std::min(kMostAtOnce, jobs_.size());
  const auto end = jobs_.begin() + static_cast<std::ptrdiff_t>(sending_);
  postgres_.submit(postgres::SubmitJobs{{jobs_.begin(), end}}, [this](const postgres::Reply& reply) { sent(reply); });
}

// A repetition is harmless: what is not certain is said again.
void JobSubmitter::sent(const postgres::Reply& reply) {
  const std::size_t count = std::exchange(sending_, 0);
  const auto* submitted = std::get_if<postgres::Submitted>(&reply);
  if (submitted == nullptr) return again_.start(later(loop_.now(), kRetry));
  submitted_ += count;
  last_arrival_ = submitted->last_arrival;
  jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(count));
  send();
}

}  // namespace drydock::runtime
