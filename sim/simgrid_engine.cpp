#include "sim/simgrid_engine.hpp"

#include "policies/core/assert.hpp"
#include "sim/simgrid_setup.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/s4u.hpp>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace drydock::sim {
namespace {

namespace s4u = simgrid::s4u;
using simgrid::kernel::resource::Model;

struct Order {
  enum class Kind : std::uint8_t { start_flow, stop_flow, host_on, host_off } kind;
  std::uint32_t flow = 0;
  HostIndex from = 0;  // the host, for host_on and host_off
  HostIndex to = 0;
  std::uint64_t bytes = 0;
};

struct Flow {
  s4u::CommPtr comm;  // none until its order is carried out
  std::uint64_t cookie = 0;
  bool live = false;
};

}  // namespace

// Takes part in SimGrid's loop as one more model whose "actions" are the driver's instants. Pure events are carried out in
// batches inside next_occurring_event, as far as no other model has an event; orders wait for update_actions_state, where
// SimGrid's clock has reached the instant that gave them.
class BatchedModel final : public Model {
 public:
  explicit BatchedModel(SimGridEngine::Impl& engine, EngineDriver& driver)
      : Model("drydock"), engine_(engine), driver_(driver) {}
  double next_occurring_event(double now) override;
  void update_actions_state(double now, double delta) override;

 private:
  [[nodiscard]] double until_next_of_others(double now) const;

  SimGridEngine::Impl& engine_;
  EngineDriver& driver_;
};

struct SimGridEngine::Impl {
  std::unique_ptr<s4u::Engine> engine;
  std::vector<s4u::Host*> hosts;  // the last one is the site
  std::vector<Model*> others;
  std::vector<Order> orders;
  std::vector<Flow> flows;
  std::vector<std::uint32_t> free_flows;
  std::unordered_map<const s4u::Activity*, std::uint32_t> by_activity;
  std::vector<s4u::CommPtr> dying;  // ended and stopped ones: SimGrid still reads them until the end of its step
  EngineDriver* driver = nullptr;
  std::int64_t last_instant = 0;  // of the driver

  s4u::Host* host(HostIndex index) { return index == kSite ? hosts.back() : hosts[index]; }
  void build(const scenarios::Scenario& scenario);
  void make_star(const scenarios::Scenario& scenario);
  void find_hosts(const scenarios::Scenario& scenario);
  void carry_out(const Order& order);
  void completed(const s4u::Activity& activity);
  void drop_all();
  void release(std::uint32_t flow);
};

double BatchedModel::until_next_of_others(double now) const {
  double least = HUGE_VAL;
  for (Model* model : engine_.others) {
    const double delta = model->next_occurring_event(now);
    if (delta >= 0) least = std::min(least, delta);
  }
  return least;
}

double BatchedModel::next_occurring_event(double now) {
  const double others = until_next_of_others(now);
  // What is due now goes first: ends of flows at this clock were reported before this call. Far from zero doubles are
  // coarser than a nanosecond, so several instants can be "now".
  std::int64_t limit = std::llround(now * 1e9) + 1;
  while (static_cast<double>(limit) * 1e-9 <= now) ++limit;
  const double next_of_others_ns = std::floor((now + others) * 1e9);
  if (next_of_others_ns >= static_cast<double>(kNoInstant)) limit = kNoInstant;
  else if (others > 0) limit = std::max(limit, static_cast<std::int64_t>(next_of_others_ns));
  if (engine_.orders.empty() && !driver_.finished()) {
    driver_.advance(limit);
    engine_.last_instant = driver_.present_instant();
  }
  if (driver_.finished()) {
    if (engine_.by_activity.empty()) return -1;
    engine_.drop_all();
    return 0;
  }
  const std::int64_t next = engine_.orders.empty() ? driver_.next_instant() : engine_.last_instant;
  if (next == kNoInstant) return -1;
  return std::max(0.0, static_cast<double>(next) * 1e-9 - now);
}

void BatchedModel::update_actions_state(double now, double /*delta*/) {
  engine_.dying.clear();
  if (engine_.orders.empty()) return;
  const bool reached =
      std::llround(now * 1e9) >= engine_.last_instant || static_cast<double>(engine_.last_instant) * 1e-9 <= now;
  if (!reached && !driver_.finished()) return;
  for (std::size_t i = 0; i < engine_.orders.size(); ++i) engine_.carry_out(engine_.orders[i]);
  engine_.orders.clear();
}

SimGridEngine::SimGridEngine(const scenarios::Scenario& scenario) : impl_(std::make_unique<Impl>()) {
  impl_->build(scenario);
}

SimGridEngine::~SimGridEngine() = default;

void SimGridEngine::Impl::build(const scenarios::Scenario& scenario) {
  engine = make_engine();
  if (scenario.platform) find_hosts(scenario);
  else make_star(scenario);
}

void SimGridEngine::Impl::make_star(const scenarios::Scenario& scenario) {
  s4u::NetZone* zone = s4u::create_star_zone("cluster");
  const auto add = [&](const std::string& name, double speed, std::uint32_t cores) {
    s4u::Host* host = zone->create_host(name, speed * scenarios::kFlopsPerReferenceSecond);
    host->set_core_count(static_cast<int>(cores));
    s4u::Link* link = zone->create_link(name, scenario.network.bandwidth_bytes_per_s);
    link->set_latency(seconds(scenario.network.latency));
    zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, {s4u::LinkInRoute(link)}, true);
    hosts.push_back(host);
  };
  for (const scenarios::HostGroup& group : scenario.hosts) {
    for (std::uint32_t n = 0; n < group.count; ++n) add(scenarios::host_name(group, n), group.speed, group.cpus);
  }
  add("(site)", 1.0, 1);
  zone->seal();
}

// The file may have changed since the scenario was read.
void SimGridEngine::Impl::find_hosts(const scenarios::Scenario& scenario) {
  const std::filesystem::path& path = scenario.platform->path;
  const std::size_t in_file = load_platform(*engine, path).size();
  const auto find = [&](const std::string& name) {
    s4u::Host* host = engine->host_by_name_or_null(name);
    if (host == nullptr) throw std::runtime_error(fmt::format("{}: there is no host \"{}\" any more", path.string(), name));
    return host;
  };
  for (const scenarios::HostGroup& group : scenario.hosts) {
    for (const std::string& name : group.names) {
      s4u::Host* host = find(name);
      const bool same = host->get_speed() / scenarios::kFlopsPerReferenceSecond == group.speed &&
                        static_cast<std::uint32_t>(host->get_core_count()) == group.cpus;
      if (!same) throw std::runtime_error(fmt::format("{}: the host \"{}\" is another one now", path.string(), name));
      hosts.push_back(host);
    }
  }
  hosts.push_back(find(scenario.platform->site));
  if (in_file != hosts.size()) throw std::runtime_error(fmt::format("{}: there are more hosts now", path.string()));
}

void SimGridEngine::run(EngineDriver& driver) {
  DRYDOCK_CHECK(impl_->driver == nullptr, "an engine runs once");
  impl_->driver = &driver;
  impl_->others = impl_->engine->get_all_models();
  s4u::Activity::on_completion_cb([this](const s4u::Activity& activity) { impl_->completed(activity); });
  impl_->engine->add_model(std::make_shared<BatchedModel>(*impl_, driver));
  impl_->engine->run();
}

double SimGridEngine::speed(HostIndex host) const {
  return impl_->hosts[host]->get_speed() / scenarios::kFlopsPerReferenceSecond;
}

FlowId SimGridEngine::start_flow(HostIndex from, HostIndex to, std::int64_t bytes, std::uint64_t cookie) {
  std::uint32_t flow = 0;
  if (impl_->free_flows.empty()) {
    flow = static_cast<std::uint32_t>(impl_->flows.size());
    impl_->flows.emplace_back();
  } else {
    flow = impl_->free_flows.back();
    impl_->free_flows.pop_back();
  }
  impl_->flows[flow] = {.comm = nullptr, .cookie = cookie, .live = true};
  impl_->orders.push_back({.kind = Order::Kind::start_flow,
                           .flow = flow,
                           .from = from,
                           .to = to,
                           .bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(1, bytes))});
  return {flow};
}

void SimGridEngine::stop_flow(FlowId flow) {
  DRYDOCK_CHECK(impl_->flows[flow.value].live, "the flow to stop has ended");
  impl_->flows[flow.value].live = false;
  impl_->orders.push_back({.kind = Order::Kind::stop_flow, .flow = flow.value});
}

void SimGridEngine::set_host_on(HostIndex host, bool on) {
  impl_->orders.push_back({.kind = on ? Order::Kind::host_on : Order::Kind::host_off, .from = host});
}

bool SimGridEngine::has_orders() const { return !impl_->orders.empty(); }

void SimGridEngine::Impl::carry_out(const Order& order) {
  switch (order.kind) {
    case Order::Kind::start_flow: {
      s4u::CommPtr comm = s4u::Comm::sendto_async(host(order.from), host(order.to), order.bytes);
      by_activity.emplace(comm.get(), order.flow);
      flows[order.flow].comm = std::move(comm);
      break;
    }
    case Order::Kind::stop_flow: {
      s4u::CommPtr comm = std::move(flows[order.flow].comm);
      release(order.flow);
      if (comm == nullptr) break;  // it arrived meanwhile
      by_activity.erase(comm.get());
      comm->cancel();
      dying.push_back(std::move(comm));
      break;
    }
    case Order::Kind::host_on: host(order.from)->turn_on(); break;
    case Order::Kind::host_off: host(order.from)->turn_off(); break;
  }
}

void SimGridEngine::Impl::completed(const s4u::Activity& activity) {
  const auto found = by_activity.find(&activity);
  if (found == by_activity.end()) return;  // stopped before
  const std::uint32_t flow = found->second;
  by_activity.erase(found);
  dying.push_back(std::move(flows[flow].comm));
  if (!flows[flow].live) return;  // the order to stop it is on its way
  DRYDOCK_CHECK(activity.get_state() == s4u::Activity::State::FINISHED, "a flow failed though its hosts were on");
  const std::uint64_t cookie = flows[flow].cookie;
  release(flow);
  const std::int64_t now = std::llround(s4u::Engine::get_clock() * 1e9);
  driver->flow_arrived({flow}, cookie, std::max(last_instant, now));
}

void SimGridEngine::Impl::release(std::uint32_t flow) {
  flows[flow] = {};
  free_flows.push_back(flow);
}

void SimGridEngine::Impl::drop_all() {
  for (std::uint32_t flow = 0; flow < flows.size(); ++flow) {
    if (flows[flow].comm == nullptr || !flows[flow].live) continue;
    flows[flow].live = false;
    orders.push_back({.kind = Order::Kind::stop_flow, .flow = flow});
  }
}

}  // namespace drydock::sim
