#include "policies/built_in.hpp"
#include "policies/counter_support.hpp"

namespace drydock {

namespace {

class Database final : public AccountingPolicy {
 public:
  void before_pass(Asker& ask) override { reading_.begin_with_store(ask); }
  [[nodiscard]] bool is_known() const override { return reading_.is_done(); }
  [[nodiscard]] std::optional<std::int64_t> allocated() const override { return reading_.value(); }
  void settled(const BatchChange& /*change*/, std::optional<std::uint64_t> /*version*/, Asker& /*ask*/) override {}
  std::optional<Clearance> answered(const CounterAnswered& /*event*/, Asker& /*ask*/) override { return std::nullopt; }
  void summed(const AllocationsSummed& event, Asker& /*ask*/) override { (void)reading_.take(event); }

 private:
  TotalReading reading_;
};

}  // namespace

BuiltInAccounting database_policy() {
  return {
      .info = {.family = PolicyFamily::accounting,
               .type = "database",
               .summary = "SELECT SUM before every decision, and no counter",
               .details = "Nothing can drift. Each pass over the queues costs a query that reads every allocation which is "
                          "not released, and waits for it.",
               .source = "PostgreSQL"},
      .make = [](const PolicyConfig&) -> std::unique_ptr<AccountingPolicy> { return std::make_unique<Database>(); }};
}

}  // namespace drydock
