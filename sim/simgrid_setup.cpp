#include "sim/simgrid_setup.hpp"

#include "policies/core/assert.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/wording.hpp"
#include "sim/platform_xml.hpp"

#include <array>
#include <csignal>
#include <exception>
#include <fmt/format.h>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace drydock::sim {
namespace {

namespace s4u = simgrid::s4u;

// What SimGrid says of a file, on one line.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank) line += c;
    else if (!line.ends_with(' ')) line += ' ';
  }
  return scenarios::printable(line, 1000);
}

// "Parse error at PATH:7: why" as "line 7: why".
std::string message_of(const std::string& what, const std::string& path) {
  const std::string lead = fmt::format("Parse error at {}:", path);
  return one_line(what.starts_with(lead) ? "line " + what.substr(lead.size()) : what);
}

}  // namespace

std::unique_ptr<s4u::Engine> make_engine() {
  DRYDOCK_CHECK(!s4u::Engine::has_instance(), "SimGrid keeps one engine per process: fork before each run");
  std::array<std::string, 2> arguments{"drydock", "--log=root.threshold:critical"};
  std::array<char*, 3> argv{arguments[0].data(), arguments[1].data(), nullptr};
  int argc = static_cast<int>(arguments.size());
  // SimGrid makes Ctrl-C its own, to end the process: not even meanwhile.
  struct sigaction before {};
  sigset_t interrupt;
  sigset_t mask;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, &mask);
  sigaction(SIGINT, nullptr, &before);
  auto engine = std::make_unique<s4u::Engine>(&argc, argv.data());
  sigaction(SIGINT, &before, nullptr);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  s4u::Engine::set_config("surf/precision:1e-9");
  // Flows take what the links give: no TCP window, no calibrated factors, no traffic of acknowledgements.
  s4u::Engine::set_config("network/model:CM02");
  s4u::Engine::set_config("network/TCP-gamma:1e18");
  s4u::Engine::set_config("network/crosstraffic:0");
  return engine;
}

std::vector<s4u::Host*> load_platform(const s4u::Engine& engine, const std::filesystem::path& file) {
  constexpr std::size_t kLargestFile = std::size_t{64} << 20U;
  const auto fail = [&](const std::string& why) { throw std::runtime_error(fmt::format("{}: {}", file.string(), why)); };
  if (file.extension() != ".xml") fail("its name does not end in .xml");  // SimGrid would run what ends in .so
  const auto text = scenarios::read_file(file, kLargestFile);
  if (!text) throw std::runtime_error(text.error().message);
  if (const auto why = refused_in_platform(text.value())) fail(*why);
  // SimGrid tells of each host twice: when it is made, and when its zone is whole.
  struct Seen {
    std::vector<s4u::Host*> hosts;
    std::set<const s4u::Host*> all;
  };
  const auto seen = std::make_shared<Seen>();
  s4u::Host::on_creation_cb([seen](s4u::Host& host) {
    if (seen->all.insert(&host).second) seen->hosts.push_back(&host);
  });
  const std::string path = std::filesystem::absolute(file).string();
  try {
    engine.load_platform(path);
  } catch (const std::exception& error) {
    fail(message_of(error.what(), path));
  }
  if (engine.get_netzone_root() == nullptr) fail("there is no zone in it");
  return std::move(seen->hosts);
}

}  // namespace drydock::sim
