#include "scenarios/faults/faults.hpp"
#include "scenarios/keys.hpp"

namespace drydock::scenarios {
namespace {

Fault read_poison(const ObjectReader& fault, const Scenario& /*scenario*/) {
  PoisonJob poison{.jobs = fault.text("jobs"),
                   .probability = fault.number("probability", 1, {0, 1}),
                   .after = {},
                   .restart = fault.duration("restart", std::chrono::seconds{10})};
  if (fault.has("after")) poison.after = fault.duration("after", Duration{0});
  return poison;
}

}  // namespace

FaultKind poison_job_kind() {
  return {.type = "poison-job",
          .summary = "A job kills each worker that it runs on",
          .details =
              "With the probability a job is poison, and so is each of its attempts: it takes its worker's process with it "
              "(that of its first task), and all that runs there. The process is started again after restart. What was lost "
              "with a worker is repeated, so that one such job can take down a fleet: policies.retry with quarantine_after "
              "gives it up.",
          .source = "Poison messages of queueing systems: dead-letter queues of JMS and Amazon SQS",
          .keys = keys::kPoisonJob,
          .read = read_poison,
          .draw = [](FaultDice& dice) -> Json {
            if (!dice.gives_up_poison()) return nullptr;
            return {{"probability", dice.probability() / 4}, {"restart", dice.span()}};
          }};
}

}  // namespace drydock::scenarios
