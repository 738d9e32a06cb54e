#include "scenarios/platform_file.hpp"

#include "scenarios/sections.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <set>

namespace drydock::scenarios {
namespace {

// What a host must be like, whatever the file.
Result<HostGroup> kind_of(const PlatformHost& host) {
  HostGroup kind;
  const auto fail = [&](std::string_view what) {
    return Error{fmt::format("the host \"{}\": {}", printable(host.name), what)};
  };
  if (!is_name(host.name)) return fail(fmt::format("expected {}", kNameHelp));
  if (!is_name(host.zone))
    return fail(fmt::format("its zone is called \"{}\"; expected {}", printable(host.zone), kNameHelp));
  kind.speed = host.flops / kFlopsPerReferenceSecond;
  if (!(kind.speed >= kLeastHostSpeed && kind.speed <= kMostHostSpeed)) {
    return fail(fmt::format("its speed is {:g} flop/s; allowed are {:g} to {:g}", host.flops,
                            kLeastHostSpeed * kFlopsPerReferenceSecond, kMostHostSpeed * kFlopsPerReferenceSecond));
  }
  if (host.cores < 1 || host.cores > kMostCores)
    return fail(fmt::format("it has {} cores; allowed are 1 to {}", host.cores, kMostCores));
  kind.cpus = static_cast<std::uint32_t>(host.cores);
  std::string wrong;
  // Calls `take` with the property's text; false where it makes no sense.
  const auto property = [&](const char* name, std::string_view allowed, auto take) {
    const auto found = host.properties.find(name);
    if (found == host.properties.end() || !wrong.empty() || take(found->second)) return;
    wrong = fmt::format("its property \"{}\" is \"{}\"; expected {}", name, printable(found->second), allowed);
  };
  const auto number = [](const std::string& text, double most) -> std::optional<double> {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = error == std::errc{} && end == text.data() + text.size() && value >= 0 && value <= most;
    return good ? std::optional(value) : std::nullopt;
  };
  property("memory", kSizeHelp, [&](const std::string& text) {
    const auto size = parse_size(text);
    if (size) kind.memory_bytes = size.value();
    return size.ok();
  });
  property("gpus", fmt::format("a whole number from 0 to {}", kMostGpus), [&](const std::string& text) {
    const auto gpus = number(text, kMostGpus);
    if (gpus) kind.gpus = static_cast<std::uint32_t>(*gpus);
    return gpus && std::trunc(*gpus) == *gpus;
  });
  const auto cost = [&](const char* name, double& into) {
    property(name, fmt::format("a number from 0 to {:g}: USD", kMostCost), [&](const std::string& text) {
      const auto value = number(text, kMostCost);
      if (value) into = *value;
      return value.has_value();
    });
  };
  cost("cost_per_hour", kind.cost_per_hour);
  cost("cost_per_month", kind.cost_per_month);
  if (!wrong.empty()) return fail(wrong);
  return kind;
}

bool same_kind(const HostGroup& a, const HostGroup& b) {
  return a.cpus == b.cpus && a.speed == b.speed && a.memory_bytes == b.memory_bytes && a.gpus == b.gpus &&
         a.cost_per_hour == b.cost_per_hour && a.cost_per_month == b.cost_per_month;
}

// "frontend, node-0, node-1, ..."
std::string some_names(const std::vector<PlatformHost>& hosts) {
  constexpr std::size_t kSome = 10;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kSome, hosts.size()); ++i) names.push_back(printable(hosts[i].name));
  return fmt::format("{}{}", fmt::join(names, ", "),
                     hosts.size() > kSome ? fmt::format(", ... ({} hosts)", hosts.size()) : "");
}

// Names the groups after their zones; none is called like a host, so that a name means one thing.
class GroupNames {
 public:
  explicit GroupNames(const std::vector<PlatformHost>& hosts) {
    for (const PlatformHost& host : hosts) taken_.insert(host.name);
  }
  // The zones' own names go first: a zone may be called like the second kind of another.
  void keep(const std::string& zone) { zones_.insert(zone); }
  std::string next(const std::string& zone) {
    std::string name = zone;
    for (std::size_t n = 2; !free(name, zone); ++n) name = fmt::format("{}-{}", zone, n);
    taken_.insert(name);
    return name;
  }

 private:
  [[nodiscard]] bool free(const std::string& name, const std::string& zone) const {
    return !taken_.contains(name) && (name == zone || !zones_.contains(name));
  }
  std::set<std::string> taken_;
  std::set<std::string> zones_;
};

// What is wrong with them as a whole.
std::optional<std::string> problem_with(const std::vector<PlatformHost>& hosts, const std::string& site) {
  if (hosts.empty()) return "there is no host in it";
  if (hosts.size() > kMostPlatformHosts)
    return fmt::format("{} hosts; at most {} are allowed", hosts.size(), kMostPlatformHosts);
  if (std::ranges::find(hosts, site, &PlatformHost::name) == hosts.end()) {
    return fmt::format("{}\"site\" names the host where the stores and the input data are; there are: {}",
                       site.empty() ? "" : fmt::format("there is no host \"{}\"; ", printable(site)), some_names(hosts));
  }
  if (hosts.size() == 1) return "there is no host for jobs beside the site";
  return std::nullopt;
}

Result<std::vector<HostGroup>> group(const std::vector<PlatformHost>& hosts, const std::string& site) {
  if (const auto problem = problem_with(hosts, site)) return Error{*problem};
  std::vector<HostGroup> groups;
  std::map<std::string, std::vector<std::size_t>> of_zone;
  GroupNames names(hosts);
  for (const PlatformHost& host : hosts) names.keep(host.zone);
  for (const PlatformHost& host : hosts) {
    if (host.name == site) continue;
    auto kind = kind_of(host);
    if (!kind) return kind.error();
    std::vector<std::size_t>& kinds = of_zone[host.zone];
    const auto known = std::ranges::find_if(kinds, [&](std::size_t g) { return same_kind(groups[g], kind.value()); });
    if (known != kinds.end()) {
      groups[*known].names.push_back(host.name);
      continue;
    }
    kinds.push_back(groups.size());
    kind.value().name = names.next(host.zone);
    kind.value().names.push_back(host.name);
    groups.push_back(std::move(kind).value());
  }
  for (HostGroup& done : groups) done.count = static_cast<std::uint32_t>(done.names.size());
  return groups;
}

}  // namespace

std::filesystem::path PlatformFiles::full_path(const std::string& file) const { return base_ / file; }

Result<std::vector<HostGroup>> PlatformFiles::groups(const std::string& file, const std::string& site) {
  const auto known = read_.find({file, site});
  if (known != read_.end()) return known->second;
  auto hosts = reader_(full_path(file), site);
  auto groups = hosts ? group(hosts.value(), site) : hosts.error();
  if (hosts && !groups) groups = Error{fmt::format("{}: {}", full_path(file).string(), groups.error().message)};
  return read_.emplace(std::pair(file, site), std::move(groups)).first->second;
}

Json record_of(const std::vector<HostGroup>& groups) {
  Json record = Json::array();
  for (const HostGroup& group : groups) {
    Json entry{{"name", group.name}, {"names", group.names}, {"cpus", group.cpus}, {"speed", group.speed}};
    if (group.memory_bytes > 0) entry["memory"] = format_size(group.memory_bytes);
    if (group.gpus > 0) entry["gpus"] = group.gpus;
    if (group.cost_per_hour > 0) entry["cost_per_hour"] = group.cost_per_hour;
    if (group.cost_per_month > 0) entry["cost_per_month"] = group.cost_per_month;
    record.push_back(std::move(entry));
  }
  return record;
}

}  // namespace drydock::scenarios
