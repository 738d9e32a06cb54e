// Orders of waiting jobs: functions from a job to its rank, smaller first. Each has a file of its own, named after it.
#pragma once

#include "policies/core/cluster.hpp"
#include "policies/core/policy_info.hpp"

#include <string_view>
#include <vector>

namespace drydock {

enum class Order : std::uint8_t { fcfs, sjf, saf, f1, wfp3 };

[[nodiscard]] Rank rank_fcfs(const Job& job);
[[nodiscard]] Rank rank_sjf(const Job& job);
[[nodiscard]] Rank rank_saf(const Job& job);
[[nodiscard]] Rank rank_f1(const Job& job);
[[nodiscard]] Rank rank_wfp3(const Job& job, Time now);
[[nodiscard]] Rank rank_in(Order order, const Job& job, Time now);
[[nodiscard]] bool changes_with_time(Order order);

// Thousandths of a core in all; of a job that asks for none, its tasks.
[[nodiscard]] std::int64_t width_of(const Job& job);

// The parameters "order" and "fit", shared by many policies, and what they were set to.
[[nodiscard]] ParameterInfo order_parameter(std::string default_order);
[[nodiscard]] ParameterInfo fit_parameter(std::string default_fit = "first");
[[nodiscard]] Order order_of(const PolicyConfig& config, std::string_view parameter = "order");
[[nodiscard]] Fit fit_of(const PolicyConfig& config);

}  // namespace drydock
