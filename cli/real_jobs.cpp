#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/real_jobs.hpp"

#include "policies/core/assert.hpp"
#include "real-runtime/job_payload.hpp"

#include <nlohmann/json.hpp>

namespace drydock::cli {

RealJobs::RealJobs(const scenarios::Scenario& scenario) : scenario_(scenario) {
  std::vector<std::string> periodic;
  const nlohmann::json document = nlohmann::json::parse(scenario.json);
  for (const nlohmann::json& entry : document.at("workload")) {
    std::string run;
    if (const auto at = entry.find("run"); at != entry.end()) {
      const auto payload = runtime::parse_payload(at->dump());
      DRYDOCK_CHECK(payload.ok(), "what jobs run was checked when the scenario was loaded");
      run = to_json(payload.value());
    }
    (entry.contains("every") ? periodic : runs_).push_back(std::move(run));
  }
  DRYDOCK_CHECK(runs_.size() == scenario.workload.size() && periodic.size() == scenario.periodic.size(),
                "entries of the workload have an order");
  runs_.insert(runs_.end(), periodic.begin(), periodic.end());
}

std::string RealJobs::payload(const scenarios::Arrival& arrival) const {
  if (const std::string& run = runs_.at(arrival.source); !run.empty()) return run;
  const bool keeps = arrival.job.on_preemption != OnInterrupt::restart;
  return to_json(runtime::JobPayload{runtime::SleepPayload{arrival.work, keeps}});
}

bool RealJobs::says_what_it_runs(PeriodicId job) const { return !runs_.at(scenario_.workload.size() + job.value).empty(); }

runtime::BeatProcessOptions RealJobs::beat_options(std::uint64_t seed,
                                                   const runtime::PostgresClientOptions& postgres) const {
  runtime::BeatProcessOptions options{.postgres = postgres,
                                      .leadership = scenario_.scheduler.control_plane.leadership,
                                      .jobs = {},
                                      .queues = {},
                                      .job_for = [this, seed](PeriodicId job, std::uint64_t n) {
                                        const scenarios::Arrival arrival = periodic_arrival(scenario_, job, seed, n);
                                        return postgres::Job{arrival.job, payload(arrival)};
                                      }};
  for (const scenarios::PeriodicSource& source : scenario_.periodic) options.jobs.push_back(source.schedule);
  for (const QueueConfig& queue : scenario_.scheduler.queues) options.queues.push_back(queue.name);
  return options;
}

}  // namespace drydock::cli

#endif
