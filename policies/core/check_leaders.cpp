#include "policies/core/check_leaders.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>
#include <variant>

namespace drydock {

namespace {

constexpr int kOneLeader = 7;

}  // namespace

void LeaderChecker::begin(std::string journal) {
  journals_.push_back(std::move(journal));
  epoch_ = 0;
  present_ = nullptr;
}

void LeaderChecker::step(Time now, std::span<const Event> events, std::span<const Command> /*commands*/) {
  for (const Event& event : events) {
    if (const auto* lease = std::get_if<LeaseAnswered>(&event)) {
      if (lease->answer != Answer::done || !lease->held || epoch_ != 0) continue;
      epoch_ = lease->epoch;
      present_ = &reigns_.emplace(epoch_, Reign{.journal = journals_.size() - 1})->second;
    } else if (const auto* commit = std::get_if<CommitAnswered>(&event)) {
      if (commit->answer == Answer::done) accepted(now, commit->version);
    } else if (const auto* read = std::get_if<BatchRead>(&event)) {
      if (read->answer == Answer::done && read->found) accepted(now, read->version);
    }
  }
}

void LeaderChecker::accepted(Time now, std::uint64_t version) {
  if (present_ == nullptr) return;
  Reign& reign = *present_;
  reign.last_write = now;
  reign.first_version = std::min(reign.first_version.value_or(version), version);
  reign.last_version = std::max(reign.last_version, version);
}

std::vector<Violation> LeaderChecker::finish() const {
  std::vector<Violation> found;
  const std::pair<const std::int64_t, Reign>* before = nullptr;
  for (const auto& next : reigns_) {
    if (!next.second.first_version) continue;
    if (before != nullptr && before->first == next.first) {
      found.push_back({kOneLeader, next.second.last_write,
                       fmt::format("writes of both {} and {} were accepted in epoch {}", journals_[before->second.journal],
                                   journals_[next.second.journal], next.first)});
    } else if (before != nullptr && before->second.last_version >= *next.second.first_version) {
      found.push_back({kOneLeader, before->second.last_write,
                       fmt::format("{} wrote version {} in epoch {}, after {} had written version {} in epoch {}",
                                   journals_[before->second.journal], before->second.last_version, before->first,
                                   journals_[next.second.journal], *next.second.first_version, next.first)});
    }
    before = &next;
  }
  return found;
}

}  // namespace drydock
