#include "policies/checkpoint.hpp"

#include "policies/built_in.hpp"

#include <algorithm>
#include <cmath>

namespace drydock {

double young_interval(const CheckpointCosts& costs) { return std::sqrt(2 * costs.cost_s * costs.mttf_s); }

double daly_interval(const CheckpointCosts& costs) {
  if (costs.cost_s >= 2 * costs.mttf_s) return costs.mttf_s;
  const double ratio = costs.cost_s / (2 * costs.mttf_s);
  return young_interval(costs) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - costs.cost_s;
}

// With u = 1 + W0(-e^(-1-c)) and c = C/M, u is the root in (0, 1) of u + ln(1 - u) + c, which falls from c to minus infinity;
// in this form nothing cancels for small c. Newton's steps, held between bounds.
double exact_interval(const CheckpointCosts& costs) {
  const double c = costs.cost_s / costs.mttf_s;
  double low = 0;
  double high = 1;
  double u = std::min(0.5, std::sqrt(2 * c));
  for (int i = 0; i < 200; ++i) {
    const double f = u + std::log1p(-u) + c;
    (f > 0 ? low : high) = u;
    double next = u + f * (1 - u) / u;
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (std::abs(next - u) <= 1e-15 * u) break;
    u = next;
  }
  return costs.mttf_s * u;
}

double restarted_time_s(const RestartedWork& job) {
  return (job.mttf_s + job.repair_s) * std::expm1(job.work_s / job.mttf_s);
}

double checkpointed_time_s(const CheckpointedWork& job) {
  const double m = job.costs.mttf_s;
  return m * std::exp(job.restart_s / m) * std::expm1((job.interval_s + job.costs.cost_s) / m) * job.work_s / job.interval_s;
}

namespace {

class FixedCheckpoint final : public CheckpointPolicy {
 public:
  explicit FixedCheckpoint(Duration interval) : interval_(interval) {}
  [[nodiscard]] Duration interval(const CheckpointCosts& /*costs*/) const override { return interval_; }
  [[nodiscard]] bool needs_costs() const override { return false; }

 private:
  Duration interval_;
};

class FormulaCheckpoint final : public CheckpointPolicy {
 public:
  using Formula = double (*)(const CheckpointCosts& costs);
  explicit FormulaCheckpoint(Formula formula) : formula_(formula) {}
  [[nodiscard]] Duration interval(const CheckpointCosts& costs) const override {
    return std::max(Duration{1}, duration_of_seconds(formula_(costs)));
  }

 private:
  Formula formula_;
};

ParameterInfo cost_parameter(double minimum) {
  return {.name = "cost",
          .default_value = Duration{std::chrono::seconds{10}},
          .help = "time to write a checkpoint",
          .minimum = minimum};
}
ParameterInfo restart_parameter() {
  return {.name = "restart",
          .default_value = Duration{0},
          .help = "time to load the last checkpoint before an interrupted job goes on",
          .minimum = 0};
}
std::vector<ParameterInfo> formula_parameters() {
  return {cost_parameter(1e-9),
          restart_parameter(),
          {.name = "mttf",
           .default_value = Duration{0},
           .help = "mean time between failures of a host; 0: as the scenario's worker-crash faults make it",
           .minimum = 0}};
}

}  // namespace

BuiltInCheckpoint fixed_checkpoint_policy() {
  return {
      .info = {.family = PolicyFamily::checkpoint,
               .type = "fixed",
               .summary = "A checkpoint after each fixed amount of work",
               .details = "The interval is work on a worker of speed 1, without the time that checkpoints take. The same "
                          "as the scenario's top-level \"checkpoint\".",
               .source = "Everyday practice, such as one file per finished chapter",
               .parameters = {{.name = "interval",
                               .default_value = Duration{std::chrono::minutes{15}},
                               .help = "work between two checkpoints",
                               .minimum = 1e-9},
                              cost_parameter(0),
                              restart_parameter()}},
      .make = [](const PolicyConfig& config) -> std::unique_ptr<CheckpointPolicy> {
        return std::make_unique<FixedCheckpoint>(config.get<Duration>("interval"));
      }};
}

BuiltInCheckpoint young_policy() {
  return {
      .info = {.family = PolicyFamily::checkpoint,
               .type = "young",
               .summary = "Young's interval, sqrt(2 x cost x mttf)",
               .details = "First-order optimum for failures at random moments. Too long where a checkpoint costs more than "
                          "a few percent of the time between failures.",
               .source = "Young, CACM 17(9), 1974",
               .parameters = formula_parameters()},
      .make = [](const PolicyConfig& /*config*/) -> std::unique_ptr<CheckpointPolicy> {
        return std::make_unique<FormulaCheckpoint>(young_interval);
      }};
}

BuiltInCheckpoint daly_policy() {
  return {
      .info = {.family = PolicyFamily::checkpoint,
               .type = "daly",
               .summary = "Daly's higher-order interval",
               .details = "Young's interval with two more terms, less the cost; good up to a cost of half the time between "
                          "failures. Where a checkpoint costs more than twice that time, the time between failures itself.",
               .source = "Daly, Future Generation Computer Systems 22(3), 2006",
               .parameters = formula_parameters()},
      .make = [](const PolicyConfig& /*config*/) -> std::unique_ptr<CheckpointPolicy> {
        return std::make_unique<FormulaCheckpoint>(daly_interval);
      }};
}

BuiltInCheckpoint exact_policy() {
  return {.info = {.family = PolicyFamily::checkpoint,
                   .type = "exact",
                   .summary = "The interval that minimises the mean time of a job",
                   .details = "Solves for the optimum of Daly's model with Lambert's W function: exact for failures with an "
                              "exponential distribution, whatever a checkpoint costs.",
                   .source = "Daly, Future Generation Computer Systems 22(3), 2006; Bougeret et al., SC 2011",
                   .parameters = formula_parameters()},
          .make = [](const PolicyConfig& /*config*/) -> std::unique_ptr<CheckpointPolicy> {
            return std::make_unique<FormulaCheckpoint>(exact_interval);
          }};
}

}  // namespace drydock
