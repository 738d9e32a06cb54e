#include "policies/order.hpp"

#include "policies/core/assert.hpp"

#include <utility>

namespace drydock {

Rank rank_in(Order order, const Job& job, Time now) {
  switch (order) {
    case Order::fcfs: return rank_fcfs(job);
    case Order::sjf: return rank_sjf(job);
    case Order::saf: return rank_saf(job);
    case Order::f1: return rank_f1(job);
    case Order::wfp3: return rank_wfp3(job, now);
  }
  return {};
}

bool changes_with_time(Order order) { return order == Order::wfp3; }

std::int64_t width_of(const Job& job) { return job.cpus_in_all() > 0 ? job.cpus_in_all() : std::int64_t{job.spec.tasks}; }

ParameterInfo order_parameter(std::string default_order) {
  return {.name = "order",
          .default_value = std::move(default_order),
          .help = "which waiting job is at the head: by submission, estimate, estimate x tasks, F1 or WFP3",
          .choices = {"fcfs", "sjf", "saf", "f1", "wfp3"}};
}

ParameterInfo fit_parameter(std::string default_fit) {
  return {
      .name = "fit",
      .default_value = std::move(default_fit),
      .help = "worker taken among those with room: the first, the one with least free cpus, with most, or as in dot-product",
      .choices = {"first", "best", "worst", "dot"}};
}

Order order_of(const PolicyConfig& config, std::string_view parameter) {
  const std::string& name = config.get<std::string>(parameter);
  if (name == "sjf") return Order::sjf;
  if (name == "saf") return Order::saf;
  if (name == "f1") return Order::f1;
  if (name == "wfp3") return Order::wfp3;
  DRYDOCK_CHECK(name == "fcfs", "an order that the catalog does not list");
  return Order::fcfs;
}

Fit fit_of(const PolicyConfig& config) {
  const std::string& name = config.get<std::string>("fit");
  if (name == "best") return Fit::best;
  if (name == "worst") return Fit::worst;
  if (name == "dot") return Fit::dot;
  DRYDOCK_CHECK(name == "first", "a fit that the catalog does not list");
  return Fit::first;
}

}  // namespace drydock
