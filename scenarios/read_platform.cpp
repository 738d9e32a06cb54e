// Section: cluster.platform.
#include "scenarios/keys.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace drydock::scenarios {
namespace {

constexpr std::string_view kEnding = ".xml";

std::string read_file_name(const Node& node) {
  std::string file = node.text();
  if (!file.ends_with(kEnding)) node.expected(fmt::format("a SimGrid platform file, whose name ends in {}", kEnding));
  return file;
}

HostGroup read_recorded_group(const Node& node) {
  const ObjectReader reader(node, keys::kPlatformHosts);
  HostGroup group;
  group.name = read_name(reader);
  const Node names = reader.require("names");
  for (const Node& item : names.items()) {
    group.names.push_back(item.text());
    if (!is_name(group.names.back())) item.expected(kNameHelp);
  }
  if (group.names.empty()) names.expected("at least one name");
  group.count = static_cast<std::uint32_t>(group.names.size());
  read_kind(reader, group);
  return group;
}

// A name means one thing.
void refuse_ambiguous_names(const Node& node, const std::string& site, const std::vector<HostGroup>& groups) {
  std::set<std::string> seen{site};
  std::size_t hosts = 0;
  for (const HostGroup& group : groups) hosts += group.names.size();
  if (hosts > kMostPlatformHosts) node.fail(fmt::format("{} hosts; at most {} are allowed", hosts, kMostPlatformHosts));
  for (const HostGroup& group : groups) {
    std::vector<std::string> names = group.names;
    names.push_back(group.name);
    for (const std::string& name : names) {
      if (!seen.insert(name).second) node.fail(fmt::format("the name \"{}\" is there twice", printable(name)));
    }
  }
}

// What is in the file now, unless nobody can read it here: then the record alone counts.
std::vector<HostGroup> read_recorded(const Node& node, const std::string& site, std::string& file,
                                     PlatformFiles& platforms) {
  const ObjectReader reader(node, keys::kPlatform);
  file = read_file_name(reader.require("file"));
  const Node hosts = reader.require("hosts");
  std::vector<HostGroup> groups;
  for (const Node& item : hosts.items()) groups.push_back(read_recorded_group(item));
  if (groups.empty()) hosts.expected("at least one host group");
  refuse_ambiguous_names(hosts, site, groups);
  if (!platforms.can_read() || node.diagnostics().failed()) return groups;
  const auto now = platforms.groups(file, site);
  if (!now) {
    reader.node().member("file").fail(now.error().message);
  } else if (record_of(now.value()) != record_of(groups)) {
    hosts.fail(
        fmt::format("{} has other hosts now: write its name alone, as text, to take it as it is", printable(file, 300)));
  }
  return groups;
}

std::vector<HostGroup> read_file_of(const Node& node, const std::string& site, std::string& file, PlatformFiles& platforms) {
  if (!platforms.can_read()) {
    node.fail("platform files cannot be read here: give the hosts under \"hosts\"");
    return {};
  }
  file = read_file_name(node);
  if (node.diagnostics().failed()) return {};
  const auto groups = platforms.groups(file, site);
  if (groups) return groups.value();
  node.fail(groups.error().message);
  return {};
}

}  // namespace

void read_platform(const ObjectReader& cluster, Scenario& scenario, PlatformFiles& platforms) {
  const Node node = *cluster.find("platform");
  for (const std::string_view key : {"hosts", "network"}) {
    if (cluster.has(key))
      cluster.node().member(key).fail("the file at \"platform\" says what is here: leave one of them out");
  }
  const std::string site = cluster.text("site");
  if (node.diagnostics().failed()) return;
  std::string file;
  scenario.hosts =
      node.json().is_object() ? read_recorded(node, site, file, platforms) : read_file_of(node, site, file, platforms);
  if (!node.diagnostics().failed() && !is_name(site)) cluster.require("site").expected(kNameHelp);
  scenario.platform = PlatformFile{platforms.full_path(file), site};
}

}  // namespace drydock::scenarios
