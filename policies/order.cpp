#include "policies/order.hpp"

#include "policies/core/assert.hpp"

#include <utility>

namespace drydock {

Rank rank_in(Order order, const Job& job) {
  switch (order) {
    case Order::fcfs: return rank_fcfs(job);
    case Order::sjf: return rank_sjf(job);
    case Order::saf: return rank_saf(job);
    case Order::f1: return rank_f1(job);
  }
  return {};
}

ParameterInfo order_parameter(std::string default_order) {
  return {.name = "order",
          .default_value = std::move(default_order),
          .help = "which waiting job is at the head: by submission, estimate, estimate x tasks, or F1",
          .choices = {"fcfs", "sjf", "saf", "f1"}};
}

ParameterInfo fit_parameter(std::string default_fit) {
  return {.name = "fit",
          .default_value = std::move(default_fit),
          .help = "worker taken among those with room: the first, the one with least free cpus, or with most",
          .choices = {"first", "best", "worst"}};
}

Order order_of(const PolicyConfig& config, std::string_view parameter) {
  const std::string& name = config.get<std::string>(parameter);
  if (name == "sjf") return Order::sjf;
  if (name == "saf") return Order::saf;
  if (name == "f1") return Order::f1;
  DRYDOCK_CHECK(name == "fcfs", "an order that the catalog does not list");
  return Order::fcfs;
}

Fit fit_of(const PolicyConfig& config) {
  const std::string& name = config.get<std::string>("fit");
  if (name == "best") return Fit::best;
  if (name == "worst") return Fit::worst;
  DRYDOCK_CHECK(name == "first", "a fit that the catalog does not list");
  return Fit::first;
}

}  // namespace drydock
