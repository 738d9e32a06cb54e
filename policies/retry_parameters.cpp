#include "policies/retry_parameters.hpp"

namespace drydock {

std::vector<ParameterInfo> with_retry_parameters(std::vector<ParameterInfo> own) {
  own.push_back({.name = "budget",
                 .default_value = 0.0,
                 .help =
                     "retries per job that succeeds: 0.1 adds at most a tenth to the load; a failed job for which none is "
                     "left is given up. 0: no such limit",
                 .minimum = 0,
                 .maximum = 1000});
  own.push_back({.name = "reserve",
                 .default_value = std::int64_t{10},
                 .help = "with budget: retries allowed at the start, and the most that can be saved up",
                 .minimum = 1,
                 .maximum = 1e9});
  own.push_back({.name = "quarantine_after",
                 .default_value = std::int64_t{3},
                 .help = "attempts lost with their worker, after which a job is taken for poison and given up; they count "
                         "apart from failures and are repeated at once. 0: never",
                 .minimum = 0,
                 .maximum = 1e6});
  return own;
}

RetryRules retry_rules(const PolicyConfig& config) {
  return {.budget = config.get<double>("budget"),
          .reserve = config.get<std::int64_t>("reserve"),
          .quarantine_after = config.get<std::int64_t>("quarantine_after")};
}

ParameterInfo retries_parameter() {
  return {.name = "retries",
          .default_value = std::int64_t{3},
          .help = "failed attempts of a job that are followed by another one; the next failure is its end",
          .minimum = 0,
          .maximum = 1e6};
}

}  // namespace drydock
