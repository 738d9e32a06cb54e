#include "policies/core/check_totals.hpp"

#include <fmt/format.h>

namespace drydock::check_detail {
namespace {

// More than this between the first commit that is not known and the last that is: it never will be.
constexpr std::size_t kMostAhead = 10'000;

}  // namespace

void Totals::sent(RequestId commit, std::int64_t net) {
  open_[commit.value] = net;
  ++commits_;
}

std::vector<std::string> Totals::settled(RequestId commit, std::optional<std::uint64_t> version) {
  std::vector<std::string> wrong;
  const auto found = open_.find(commit.value);
  if (found == open_.end()) return wrong;
  const std::int64_t net = found->second;
  open_.erase(found);
  if (!version) return wrong;
  blind_ = blind_ || *version <= version_ || ahead_.contains(*version) || ahead_.size() > kMostAhead;
  if (blind_) {
    ahead_.clear();
    return wrong;
  }
  ahead_[*version] = net;
  for (auto next = ahead_.begin(); next != ahead_.end() && next->first == version_ + 1; next = ahead_.erase(next)) {
    if (!asked_.empty() || !waiting_.empty()) history_[version_] = total_;
    ++version_;
    total_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(total_) + static_cast<std::uint64_t>(next->second));
  }
  judge(wrong);
  return wrong;
}

void Totals::asked_for_sum(RequestId request) {
  asked_[request.value] = open_.empty() ? std::optional(commits_) : std::nullopt;
}

std::vector<std::string> Totals::summed(const AllocationsSummed& answer) {
  std::vector<std::string> wrong;
  const auto asked = asked_.find(answer.request.value);
  if (asked == asked_.end()) return wrong;
  quiet_sum_ = !fresh_ && asked->second == commits_;
  fresh_ = true;
  asked_.erase(asked);
  if (answer.answer == Answer::done && !blind_) waiting_.push_back(answer);
  judge(wrong);
  return wrong;
}

void Totals::judge(std::vector<std::string>& wrong) {
  std::erase_if(waiting_, [&](const AllocationsSummed& sum) {
    if (blind_) return true;
    if (sum.version > version_) return false;
    const auto past = history_.find(sum.version);
    if (sum.version < version_ && past == history_.end()) return true;  // from before this journal
    const std::int64_t total = sum.version == version_ ? total_ : past->second;
    if (total != sum.cpus_milli) {
      wrong.push_back(
          fmt::format("the store sums its allocations up to {} thousandths of a cpu at version {}, but its commits to {}",
                      sum.cpus_milli, sum.version, total));
    }
    return true;
  });
  if (asked_.empty() && waiting_.empty()) history_.clear();
}

std::optional<std::string> Totals::setting(const AskCounter& order) const {
  const bool sets = order.op == CounterOp::set || order.op == CounterOp::fenced_set;
  if (!sets || blind_ || !quiet_sum_ || !ahead_.empty() || order.amount == total_) return std::nullopt;
  return fmt::format(
      "request {} sets the counter to {} thousandths of a cpu, while {} are allocated, and nothing was under way",
      order.request.value, order.amount, total_);
}

}  // namespace drydock::check_detail
