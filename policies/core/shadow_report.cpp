#include "policies/core/shadow_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock {

namespace {

using nlohmann::json;

constexpr std::string_view kShadowSchema = "drydock-shadow/1";

json tally_json(const ShadowTally& tally) {
  return {{"same", tally.same},
          {"elsewhere", tally.elsewhere},
          {"shadow_only", tally.shadow_only},
          {"real_only", tally.real_only}};
}
ShadowTally tally_of(const json& value) {
  return {.same = value.at("same").get<std::uint64_t>(),
          .elsewhere = value.at("elsewhere").get<std::uint64_t>(),
          .shadow_only = value.at("shadow_only").get<std::uint64_t>(),
          .real_only = value.at("real_only").get<std::uint64_t>()};
}

template <class Differences>
json differences_json(const Differences& differences) {
  json all = json::array();
  for (const ShadowDifference& one : differences) {
    all.push_back({{"at_s", seconds(one.at)}, {"job", one.job.value}, {"real", one.real}, {"shadow", one.shadow}});
  }
  return all;
}
template <class Differences>
void read_differences(const json& value, Differences& into) {
  for (const json& one : value) {
    into.push_back({.at = Time{duration_of_seconds(one.at("at_s").get<double>())},
                    .job = JobId{one.at("job").get<std::uint64_t>()},
                    .real = one.at("real").get<std::string>(),
                    .shadow = one.at("shadow").get<std::string>()});
    if (into.size() == ShadowReport::kKept) return;
  }
}

}  // namespace

ShadowTally& ShadowTally::operator+=(const ShadowTally& more) {
  same += more.same;
  elsewhere += more.elsewhere;
  shadow_only += more.shadow_only;
  real_only += more.real_only;
  return *this;
}

std::string to_text(const ShadowDifference& difference) {
  return fmt::format("{:.3f} s, job {}: real {}; shadow {}", seconds(difference.at), difference.job.value, difference.real,
                     difference.shadow);
}

void ShadowReport::add(ShadowDifference difference) {
  if (first.size() < kKept) return first.push_back(std::move(difference));
  latest.push_back(std::move(difference));
  if (latest.size() > kKept) latest.pop_front();
}

std::vector<ShadowDifference> ShadowReport::newest(std::uint64_t count) const {
  std::vector<ShadowDifference> all = first;
  all.insert(all.end(), latest.begin(), latest.end());
  if (all.size() > count) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count));
  return all;
}

ShadowReport& ShadowReport::operator+=(const ShadowReport& more) {
  equal += more.equal;
  different += more.different;
  idle += more.idle;
  skipped += more.skipped;
  starts += more.starts;
  binds += more.binds;
  stops += more.stops;
  later += more.later;
  later_by += more.later_by;
  off = more.off;
  for (const ShadowDifference& one : more.first) add(one);
  for (const ShadowDifference& one : more.latest) add(one);
  return *this;
}

std::string summary_of(const ShadowReport& report) {
  const auto part = [](std::string_view verb, const ShadowTally& tally) {
    return fmt::format("; {} {} same, {} on other workers, {} by the shadow alone, {} by the real one alone", verb,
                       tally.same, tally.elsewhere, tally.shadow_only, tally.real_only);
  };
  std::string text = fmt::format("{}: {} of {} decisions equal", report.name, report.equal, report.equal + report.different);
  text += part("starts:", report.starts);
  if (report.binds != ShadowTally{}) text += part("bound:", report.binds);
  if (report.stops != ShadowTally{}) text += part("stopped:", report.stops);
  if (report.later > 0) {
    text += fmt::format("; {} jobs would have started earlier, by {:.3f} s on average", report.later,
                        seconds(report.later_by) / static_cast<double>(report.later));
  }
  if (report.skipped > 0) text += fmt::format("; {} moments skipped to save time", report.skipped);
  if (report.off) text += fmt::format("; SWITCHED OFF: {}", *report.off);
  return text;
}

std::string to_json(const ShadowReport& report) {
  const json all{
      {"schema", kShadowSchema},
      {"name", report.name},
      {"placement", report.placement},
      {"isolation", report.isolation},
      {"moments",
       {{"equal", report.equal}, {"different", report.different}, {"idle", report.idle}, {"skipped", report.skipped}}},
      {"starts", tally_json(report.starts)},
      {"binds", tally_json(report.binds)},
      {"stops", tally_json(report.stops)},
      {"started_later", {{"jobs", report.later}, {"by_s", seconds(report.later_by)}}},
      {"differences", report.differences()},
      {"first", differences_json(report.first)},
      {"latest", differences_json(report.latest)},
      {"switched_off", report.off ? json(*report.off) : json()}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<ShadowReport> parse_shadow_report(std::string_view text) {
  try {
    const json all = json::parse(text);
    if (all.at("schema") != kShadowSchema) return Error{fmt::format("it is no {}", kShadowSchema)};
    ShadowReport report{.name = all.at("name").get<std::string>(),
                        .placement = all.at("placement").get<std::string>(),
                        .isolation = all.at("isolation").get<std::string>(),
                        .starts = tally_of(all.at("starts")),
                        .binds = tally_of(all.at("binds")),
                        .stops = tally_of(all.at("stops"))};
    const json& moments = all.at("moments");
    report.equal = moments.at("equal").get<std::uint64_t>();
    report.different = moments.at("different").get<std::uint64_t>();
    report.idle = moments.at("idle").get<std::uint64_t>();
    report.skipped = moments.at("skipped").get<std::uint64_t>();
    report.later = all.at("started_later").at("jobs").get<std::uint64_t>();
    report.later_by = duration_of_seconds(all.at("started_later").at("by_s").get<double>());
    read_differences(all.at("first"), report.first);
    read_differences(all.at("latest"), report.latest);
    if (const json& off = all.at("switched_off"); off.is_string()) report.off = off.get<std::string>();
    return report;
  } catch (const json::exception& error) {
    return Error{fmt::format("it is no {}: {}", kShadowSchema, error.what())};
  }
}

}  // namespace drydock
