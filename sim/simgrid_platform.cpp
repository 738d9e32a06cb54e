#include "sim/simgrid_platform.hpp"

#include "scenarios/wording.hpp"
#include "sim/isolated.hpp"
#include "sim/simgrid_setup.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <sys/resource.h>
#include <system_error>

namespace drydock::sim {
namespace {

namespace s4u = simgrid::s4u;
using nlohmann::json;
using scenarios::PlatformHost;

// A flow along a route without links, or with one that carries nothing, would end the run, or never end.
void require_route(const s4u::Host* from, const s4u::Host* to, const std::filesystem::path& file) {
  std::vector<s4u::Link*> links;
  double latency = 0;
  from->route_to(to, links, &latency);
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error(fmt::format("{}: {} from \"{}\" to \"{}\"", file.string(), why,
                                         scenarios::printable(from->get_name()), scenarios::printable(to->get_name())));
  };
  if (!std::isfinite(latency) || latency < 0) fail("the latencies make no sense on the way");
  if (links.empty() && latency <= 0) fail("there is no route");
  for (const s4u::Link* link : links) {
    if (!(link->get_bandwidth() > 0)) fail(fmt::format("the link \"{}\" has no bandwidth, on the way", link->get_cname()));
  }
}

json facts_of(const s4u::Host& host) {
  constexpr double kMost = std::numeric_limits<double>::max();  // JSON has no infinity
  const double flops = std::isnan(host.get_speed()) ? 0 : std::clamp(host.get_speed(), -kMost, kMost);
  return {{"name", std::string(host.get_name())},
          {"zone", host.get_englobing_zone()->get_name()},
          {"flops", flops},
          {"cores", host.get_core_count()},
          {"properties", *host.get_properties()}};
}

// In the child.
json read_here(const std::filesystem::path& file, const std::string& site) {
  const auto engine = make_engine();
  const std::vector<s4u::Host*> hosts = load_platform(*engine, file);
  engine->seal_platform();
  json facts = json::array();
  for (const s4u::Host* host : hosts) facts.push_back(facts_of(*host));
  const s4u::Host* const middle = engine->host_by_name_or_null(site);
  for (const s4u::Host* host : hosts) {
    if (middle == nullptr || host == middle) continue;
    require_route(middle, host, file);
    require_route(host, middle, file);
  }
  return facts;
}

std::string answer(const std::filesystem::path& file, const std::string& site) {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  json message;
  try {
    message["hosts"] = read_here(file, site);
  } catch (const std::exception& error) {
    message = {{"error", error.what()}};
  }
  return message.dump(-1, ' ', false, json::error_handler_t::replace);
}

// SimGrid says why it ends a process, and then where it was.
std::string reason_in(std::string_view said) {
  constexpr std::string_view kMark = "CRITICAL] ";
  const std::size_t mark = said.find(kMark);
  if (mark != std::string_view::npos) said.remove_prefix(mark + kMark.size());
  return scenarios::printable(said.substr(0, said.find('\n')), 1000);
}

}  // namespace

Result<std::vector<PlatformHost>> read_platform(const std::filesystem::path& file, const std::string& site) {
  static const std::atomic<bool> kGoOn{false};
  Returned returned;
  try {
    returned = call_isolated([&] { return answer(file, site); }, kGoOn);
  } catch (const std::system_error& error) {
    return Error{fmt::format("{}: cannot be read: {}", file.string(), error.what())};
  }
  if (!returned.message) {
    const std::string reason = reason_in(returned.said);
    return Error{fmt::format("{}: SimGrid cannot use it: {}", file.string(),
                             reason.empty() ? fmt::format("its process {}", returned.end) : reason)};
  }
  const json message = json::parse(*returned.message);
  if (message.contains("error")) return Error{message["error"].get<std::string>()};
  std::vector<PlatformHost> hosts;
  for (const json& facts : message["hosts"]) {
    hosts.push_back({.name = facts["name"],
                     .zone = facts["zone"],
                     .flops = facts["flops"],
                     .cores = facts["cores"],
                     .properties = facts["properties"]});
  }
  return hosts;
}

}  // namespace drydock::sim
