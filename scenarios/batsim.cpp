// Workloads of Batsim (Dutot et al., JSSPP 2016): one JSON object with "jobs" and the "profiles" that say what a job does.
#include "scenarios/document.hpp"
#include "scenarios/trace.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 31U;
constexpr int kDeepestProfile = 16;
constexpr double kLongestSeconds = 1e9;

// What a profile takes on its processors, or why nobody can tell.
struct Work {
  double seconds = 0;
  std::string problem{};
  bool ignores_network = false;
};

class BatsimReader {
 public:
  BatsimReader(std::string path, double flops_per_s) : flops_per_s_(flops_per_s) {
    trace_.path = std::move(path);
    trace_.counts = "job";
  }

  Result<RawTrace> read(std::string_view text) {
    Json file;
    try {
      file = Json::parse(text);
    } catch (const Json::parse_error& error) {
      const std::string_view before = text.substr(0, std::min(text.size(), error.byte));
      return Error{fmt::format("{}:{}: is no JSON here: expected a workload of Batsim", trace_.path,
                               1 + std::ranges::count(before, '\n'))};
    } catch (const Json::exception&) {
      return fail("", "holds a number that is too large");
    }
    if (!file.is_object() || !file.contains("jobs") || !file["jobs"].is_array()) {
      return fail("", R"(is no workload of Batsim: expected an object with an array "jobs" and an object "profiles")");
    }
    static const Json kNone = Json::object();
    profiles_ = file.contains("profiles") ? &file["profiles"] : &kNone;
    if (!profiles_->is_object()) return fail("/profiles", "expected an object: the name of a profile, and what it is");
    note_size(file);
    trace_.queues.emplace_back();
    for (const Json& job : file["jobs"]) {
      ++trace_.read;
      if (auto error = read_job(job)) return *error;
    }
    if (trace_.read == 0) return fail("/jobs", "holds no jobs");
    if (!std::ranges::is_sorted(trace_.jobs, {}, &RawJob::submit_ns)) {
      std::ranges::stable_sort(trace_.jobs, {}, &RawJob::submit_ns);
    }
    return std::move(trace_);
  }

 private:
  [[nodiscard]] Error fail(const std::string& where, const std::string& why) const {
    return Error{fmt::format("{}: {}{}{}", trace_.path, where, where.empty() ? "" : ": ", why)};
  }
  [[nodiscard]] std::string at(std::string_view key) const { return fmt::format("/jobs/{}/{}", trace_.read - 1, key); }

  void note_size(const Json& file) {
    if (file.contains("nb_res") && file["nb_res"].is_number_unsigned()) {
      trace_.header["MaxProcs"] = std::to_string(file["nb_res"].get<std::uint64_t>());
    }
  }

  // Nothing: read, or skipped and counted.
  std::optional<Error> read_job(const Json& job) {
    if (!job.is_object()) return fail(fmt::format("/jobs/{}", trace_.read - 1), "expected an object");
    for (const char* key : {"subtime", "res"}) {
      if (!job.contains(key) || !job[key].is_number()) return fail(at(key), "expected a number");
    }
    if (!job.contains("profile") || !job["profile"].is_string()) return fail(at("profile"), "expected a profile's name");
    const double submit = job["subtime"].get<double>();
    if (!(submit >= 0 && submit <= kLongestSeconds)) return fail(at("subtime"), "expected seconds, from 0 to 1e9");
    const double tasks = job["res"].get<double>();
    if (tasks != std::floor(tasks) || tasks > 1e9) return fail(at("res"), "expected a whole number of processors");
    if (tasks < 1) return skip("without processors");

    const Work work = work_of(job["profile"].get<std::string>(), tasks, 0);
    if (!work.problem.empty()) return skip(work.problem);
    if (work.seconds > kLongestSeconds) return fail(at("profile"), "takes more than 1e9 seconds");
    const double walltime = job.contains("walltime") && job["walltime"].is_number() ? job["walltime"].get<double>() : -1;
    RawJob read{.submit_ns = in_nanos(submit),
                .runtime_ns = in_nanos(work.seconds),
                .tasks = static_cast<std::uint32_t>(tasks),
                .line = trace_.read};
    if (walltime > 0 && walltime <= kLongestSeconds) {
      read.requested_ns = in_nanos(walltime);
      if (read.runtime_ns > read.requested_ns) {  // Batsim kills it then
        trace_.remarks["longer than its walltime; ends there, as in Batsim"].add(trace_.read);
        read.runtime_ns = read.requested_ns;
      }
    }
    if (read.runtime_ns <= 0) return skip("a runtime of 0");
    if (work.ignores_network) trace_.remarks["communication is not simulated, only what is computed"].add(trace_.read);
    trace_.jobs.push_back(read);
    return std::nullopt;
  }

  std::optional<Error> skip(const std::string& why) {
    trace_.skipped[why].add(trace_.read);
    return std::nullopt;
  }

  static std::int64_t in_nanos(double seconds) { return std::llround(seconds * 1e9); }

  // Of a job on so many processors; remembered, since sequences of sequences name the same ones again and again.
  Work work_of(const std::string& name, double tasks, int depth) {
    const auto known = works_.find({name, tasks});
    if (known != works_.end()) return known->second;
    Work work = worked_out(name, tasks, depth);
    works_.emplace(std::pair{name, tasks}, work);
    return work;
  }

  // Of two names of a type the second is that of Batsim before version 4.
  Work worked_out(const std::string& name, double tasks, int depth) {
    const auto found = profiles_->find(name);
    if (found == profiles_->end()) return problem("a profile that is not there");
    const Json& profile = *found;
    if (!profile.is_object() || !profile.contains("type") || !profile["type"].is_string()) {
      return problem("a profile without a type");
    }
    if (depth == kDeepestProfile) return problem("profiles within profiles too deep, or without an end");
    const std::string type = profile["type"].get<std::string>();
    if (type == "delay") return number(profile, "delay", 1);
    if (type == "parallel" || type == "msg_par") return slowest(profile);
    if (type == "parallel_homogeneous" || type == "msg_par_hg" || type == "parallel_homogeneous_pfs") {
      return computed(profile, 1);
    }
    if (type == "parallel_homogeneous_total" || type == "msg_par_hg_tot") return computed(profile, tasks);
    if (type == "sequence" || type == "composed") return in_sequence(profile, tasks, depth);
    return problem(fmt::format("a profile of type \"{}\", which is not computed here", printable(type, 40)));
  }

  static Work problem(std::string what) { return {.problem = std::move(what)}; }

  static Work number(const Json& profile, const char* key, double divided_by) {
    const bool there = profile.contains(key) && profile[key].is_number();
    const double value = there ? profile[key].get<double>() / divided_by : -1;
    if (!std::isfinite(value) || value < 0) return problem(fmt::format("a profile whose \"{}\" is no amount", key));
    return {.seconds = value};
  }

  // "cpu": what each of the processors computes (or, divided, all of them together).
  Work computed(const Json& profile, double divided_by) const {
    Work work = number(profile, "cpu", flops_per_s_ * divided_by);
    work.ignores_network = profile.contains("com") && profile["com"].is_number() && profile["com"].get<double>() > 0;
    return work;
  }

  // "cpu": a number for each processor; the job ends with the last.
  Work slowest(const Json& profile) const {
    if (!profile.contains("cpu") || !profile["cpu"].is_array()) return problem("a profile whose \"cpu\" is no array");
    Work work;
    for (const Json& part : profile["cpu"]) {
      if (!part.is_number() || !(part.get<double>() >= 0)) return problem("a profile whose \"cpu\" is no array of amounts");
      work.seconds = std::max(work.seconds, part.get<double>() / flops_per_s_);
    }
    const auto moves = [](const Json& bytes) { return bytes.is_number() && bytes.get<double>() > 0; };
    work.ignores_network =
        profile.contains("com") && profile["com"].is_array() && std::ranges::any_of(profile["com"], moves);
    return work;
  }

  Work in_sequence(const Json& profile, double tasks, int depth) {
    if (!profile.contains("seq") || !profile["seq"].is_array()) return problem("a profile whose \"seq\" is no array");
    const double repeat = profile.contains("repeat") && profile["repeat"].is_number() ? profile["repeat"].get<double>() : 1;
    Work sum;
    for (const Json& part : profile["seq"]) {
      if (!part.is_string()) return problem("a profile whose \"seq\" is no array of names");
      Work work = work_of(part.get<std::string>(), tasks, depth + 1);
      if (!work.problem.empty()) return work;
      sum.seconds += work.seconds;
      sum.ignores_network = sum.ignores_network || work.ignores_network;
    }
    sum.seconds *= std::max(0.0, repeat);
    return sum;
  }

  RawTrace trace_;
  double flops_per_s_;
  const Json* profiles_ = nullptr;
  std::map<std::pair<std::string, double>, Work> works_;
};

}  // namespace

Result<RawTrace> read_batsim(std::unique_ptr<ByteSource> bytes, std::string path, double flops_per_s) {
  auto text = read_all(std::move(bytes), kMostText);
  if (!text) return Error{fmt::format("{}: {}", path, text.error().message)};
  return BatsimReader(std::move(path), flops_per_s).read(text.value());
}

}  // namespace drydock::scenarios
