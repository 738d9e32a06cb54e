#include "policies/built_in.hpp"

namespace drydock {

namespace {

class Oracle final : public LivenessPolicy {
 public:
  [[nodiscard]] std::optional<Duration> interval() const override { return std::nullopt; }
  [[nodiscard]] Time trusted_until(const Beat& /*last*/) const override { return kNever; }
};

}  // namespace

BuiltInLiveness oracle_policy() {
  return {
      .info = {.family = PolicyFamily::liveness,
               .type = "oracle",
               .summary = "Every death is known at once, without heartbeats",
               .details = "The bound that no real detector reaches: the scheduler learns of a death in the instant in "
                          "which it happens. Exists in simulation only.",
               .source = "Perfect failure detector P: Chandra, Toueg, JACM 43(2), 1996",
               .parameters = {}},
      .make = [](const PolicyConfig& /*config*/) -> std::unique_ptr<LivenessPolicy> { return std::make_unique<Oracle>(); }};
}

}  // namespace drydock
