// The checker's book of totals: what the store must sum up to after each commit, from the commits alone; and whether a counter beside
// it is set to that.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace drydock::check_detail {

// Amounts are thousandths of a cpu. Nothing is judged where versions are missing: in a journal that does not begin with the store, or
// whose store does not count them.
class Totals {
 public:
  // A commit was sent that changes the total by `net` if it is done.
  void sent(RequestId commit, std::int64_t net);
  // It is in the store, as of `version`; or it is not. Returns what is wrong with a sum that had to wait for this.
  [[nodiscard]] std::vector<std::string> settled(RequestId commit, std::optional<std::uint64_t> version);

  void asked_for_sum(RequestId request);
  // What is wrong with the sum, if that can be told already.
  [[nodiscard]] std::vector<std::string> summed(const AllocationsSummed& answer);

  // An order to the counter: what is wrong with a sum that it is set to, in the very step that brought the sum, where no commit was
  // under way since it was asked for.
  [[nodiscard]] std::optional<std::string> setting(const AskCounter& order) const;
  void begin_step() { fresh_ = quiet_sum_ = false; }

 private:
  void judge(std::vector<std::string>& wrong);

  std::map<std::uint64_t, std::int64_t> open_;     // net change of commits without a definite answer, by request
  std::map<std::uint64_t, std::int64_t> ahead_;    // net change by version, above `version_ + 1`
  std::uint64_t version_ = 0;                      // all commits up to this one are known
  std::int64_t total_ = 0;                         // at that version
  std::map<std::uint64_t, std::int64_t> history_;  // totals by version, while a sum is asked for
  std::uint64_t commits_ = 0;                      // sent
  // Sums without an answer, by request: the number of commits when they were asked for; none where one was under way.
  std::map<std::uint64_t, std::optional<std::uint64_t>> asked_;
  std::vector<AllocationsSummed> waiting_;  // for commits of which nothing is known yet
  bool blind_ = false;                      // versions are missing
  bool fresh_ = false;                      // a sum came in this step
  bool quiet_sum_ = false;                  // and no commit was under way since it was asked for
};

}  // namespace drydock::check_detail
