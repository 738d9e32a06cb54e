#include "policies/built_in.hpp"
#include "policies/share_parameters.hpp"

namespace drydock {

namespace {

constexpr std::string_view kEqual = "equal-active";
constexpr std::string_view kMaxMin = "max-min";
constexpr std::string_view kDrf = "drf";
constexpr std::string_view kKeep = "keep";
constexpr std::string_view kRefuse = "refuse";

enum class Divide : std::uint8_t { equally, max_min, drf };

class Leased final : public SharePolicy {
 public:
  Leased(const ShareRules& rules, Divide how) : rules_(rules), how_(how) {}
  [[nodiscard]] const ShareRules& rules() const override { return rules_; }
  void divide(const ShareLimits& limits, std::span<const WorkerReport> workers, std::span<Share> targets) const override {
    switch (how_) {
      case Divide::equally: return divide_equally(limits, workers, rules_.idle_holds, IdleCosts::its_share, targets);
      case Divide::max_min: return divide_max_min(limits, workers, rules_.idle_holds, targets);
      case Divide::drf: return divide_drf(limits, workers, rules_.idle_holds, targets);
    }
  }

 private:
  ShareRules rules_;
  Divide how_;
};

ParameterInfo time(std::string_view name, std::int64_t default_seconds, std::string_view help, double minimum = 1e-3) {
  return {.name = name, .default_value = Duration{std::chrono::seconds{default_seconds}}, .help = help, .minimum = minimum};
}

std::vector<ParameterInfo> parameters() {
  std::vector<ParameterInfo> all = idle_parameters();
  all.push_back({.name = "division",
                 .default_value = std::string(kMaxMin),
                 .help = "how the total is divided: as the policy of that name does",
                 .choices = {kEqual, kMaxMin, kDrf}});
  all.push_back(time("lease", 15, "how long a grant counts; above margin"));
  all.push_back(
      time("margin", 2,
           "a worker stops this much before its lease is over: at least 2 x lease x the largest relative drift of a "
           "clock + the time that stopping takes",
           0));
  all.push_back(time("renew", 5, "time between two requests of a worker that has what it should; below lease - margin"));
  all.push_back(time("retry", 1, "time before the next request of a worker that has less, or got no answer"));
  all.push_back(
      time("settle", 0,
           "how long a request may go on at the service when its worker can not stop it, because it is paused or cut "
           "off; nobody gets a lapsed grant before",
           0));
  all.push_back(
      {.name = "after_loss",
       .default_value = std::string(kKeep),
       .help = "for one lease after the ledger was lost: keep the shares that workers hold, or refuse them too; nobody "
               "gets more",
       .choices = {kKeep, kRefuse}});
  return all;
}

std::unique_ptr<SharePolicy> make(const PolicyConfig& config) {
  ShareRules rules = idle_rules(config);
  rules.protocol =
      LeasedShares{.lease = config.get<Duration>("lease"),
                   .margin = config.get<Duration>("margin"),
                   .renew = config.get<Duration>("renew"),
                   .retry = config.get<Duration>("retry"),
                   .settle = config.get<Duration>("settle"),
                   .after_loss = config.get<std::string>("after_loss") == kKeep ? AfterLoss::keep : AfterLoss::refuse};
  const std::string& division = config.get<std::string>("division");
  const Divide how = division == kEqual ? Divide::equally : division == kMaxMin ? Divide::max_min : Divide::drf;
  return std::make_unique<Leased>(rules, how);
}

}  // namespace

BuiltInShare leased_policy() {
  return {
      .info =
          {.family = PolicyFamily::share,
           .type = "leased",
           .summary = "Grants for a time, shrunk before others grow: together never more than the limit",
           .details =
               "A ledger beside the registry, on its clock, writes down what each worker may use and until when. A share "
               "grows only into what no unexpired grant of another holds; a worker that is to give up a part says when "
               "it has, and one that gets no answer stops by its own clock before its lease is over. Messages may be "
               "lost, late or repeated, workers paused or restarted, the ledger itself may be lost: grants never sum to "
               "more than the total while clocks run within the drift that margin allows for. The price: a newcomer "
               "waits until others have shrunk, about renew + retry.",
           .source = "Gray, Cheriton, Leases, SOSP 1989; fencing tokens: Burrows, Chubby, OSDI 2006",
           .parameters = parameters()},
      .make = make};
}

}  // namespace drydock
