#include "scenarios/calibration.hpp"

#include "policies/core/assert.hpp"
#include "scenarios/line_reader.hpp"
#include "scenarios/schema.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>
#include <optional>

namespace drydock::scenarios {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr std::size_t kLargestCalibration = std::size_t{16} << 20;

// Nanoseconds: what a scenario can say, and more than any clock here can.
double rounded(double seconds) { return std::round(seconds * 1e9) / 1e9; }

Ordered figure_json(const Figure& figure) {
  Ordered json{{"unit", "s"}, {"n", figure.n}};
  json["mean"] = rounded(figure.mean);
  json["min"] = rounded(figure.least);
  json["max"] = rounded(figure.most);
  json["points"] = Ordered::array();
  for (const double point : figure.points) json["points"].push_back(rounded(point));
  return json;
}

Ordered line_json(const std::vector<CommitPoint>& points) {
  Ordered json = Ordered::object();
  const CommitCost cost = fit(points);
  json["base_s"] = rounded(cost.base);
  json["row_s"] = rounded(cost.per_row);
  json["r2"] = cost.r2;
  json["points"] = Ordered::array();
  for (const CommitPoint& point : points) json["points"].push_back({{"rows", point.rows}, {"mean_s", rounded(point.mean)}});
  return json;
}

bool fits_a_line(const std::vector<CommitPoint>& points) {
  return std::ranges::any_of(points, [&](const CommitPoint& point) { return point.rows != points.front().rows; });
}

Figure read_figure(const Json& json) {
  return {.n = json["n"].get<std::uint64_t>(),
          .mean = json["mean"].get<double>(),
          .least = json["min"].get<double>(),
          .most = json["max"].get<double>(),
          .points = json["points"].get<std::vector<double>>()};
}

std::vector<CommitPoint> read_points(const Json& calibration, const char* key) {
  std::vector<CommitPoint> points;
  if (!calibration.contains(key)) return points;
  for (const Json& point : calibration[key]["points"]) {
    points.push_back({.rows = point["rows"].get<std::uint64_t>(), .mean = point["mean_s"].get<double>()});
  }
  return points;
}

// Nothing that is measured here takes longer.
constexpr double kLongestFigure = 3600;

// As scenarios have it; at least a nanosecond.
std::string as_duration(double seconds) {
  return fmt::format("{}ns", std::max<std::int64_t>(1, std::llround(std::min(seconds, kLongestFigure) * 1e9)));
}

// `part` of each of its values, less `off`.
Json as_distribution(const Figure& figure, double off = 0, double part = 1) {
  Json values = Json::array();
  for (const double point : figure.points) values.push_back(as_duration(std::max(0.0, point - off) * part));
  return {{"empirical", std::move(values)}};
}

// What cannot be said in a schema.
std::optional<std::pair<std::string, std::string>> wrong_figure(const Json& json) {
  for (const auto& [name, figure] : json["figures"].items()) {
    const std::string place = "/figures/" + escape_pointer(name) + "/points";
    const auto points = figure["points"].get<std::vector<double>>();
    if (!std::ranges::is_sorted(points)) return std::pair{place, std::string("the points must rise")};
    if (points.front() < figure["min"].get<double>() || points.back() > figure["max"].get<double>())
      return std::pair{place, std::string("the points must lie between \"min\" and \"max\"")};
    const auto mean = figure["mean"].get<double>();
    const auto most = figure["max"].get<double>();
    if (mean < figure["min"].get<double>() * (1 - 1e-9) || mean > most * (1 + 1e-9))
      return std::pair{"/figures/" + escape_pointer(name) + "/mean", std::string("it must lie between \"min\" and \"max\"")};
    if (most > kLongestFigure)
      return std::pair{"/figures/" + escape_pointer(name) + "/max",
                       std::string("nothing takes more than an hour: figures are in seconds")};
  }
  for (const char* key : {"commit", "commit_busy"}) {
    if (json.contains(key) && !fits_a_line(read_points(json, key)))
      return std::pair{fmt::format("/{}/points", key), std::string("at least two different numbers of rows are needed")};
  }
  return std::nullopt;
}

}  // namespace

Figure figure_of(std::vector<double> seconds) {
  DRYDOCK_CHECK(!seconds.empty(), "a figure is of something");
  std::ranges::sort(seconds);
  Figure figure{.n = seconds.size(), .least = seconds.front(), .most = seconds.back()};
  figure.mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  const std::size_t count = std::min(kMostFigurePoints, seconds.size());
  for (std::size_t i = 0; i < count; ++i) figure.points.push_back(seconds[(2 * i + 1) * seconds.size() / (2 * count)]);
  return figure;
}

CommitCost fit(const std::vector<CommitPoint>& points) {
  DRYDOCK_CHECK(!points.empty() && fits_a_line(points), "a line goes through two points at least");
  const auto n = static_cast<double>(points.size());
  double x = 0;
  double y = 0;
  for (const CommitPoint& point : points) {
    x += static_cast<double>(point.rows) / n;
    y += point.mean / n;
  }
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (const CommitPoint& point : points) {
    const double dx = static_cast<double>(point.rows) - x;
    xx += dx * dx;
    xy += dx * (point.mean - y);
    yy += (point.mean - y) * (point.mean - y);
  }
  CommitCost cost{.base = 0, .per_row = std::max(0.0, xy / xx)};
  cost.base = std::max(0.0, y - cost.per_row * x);
  double left = 0;
  for (const CommitPoint& point : points) {
    const double off = point.mean - cost.base - cost.per_row * static_cast<double>(point.rows);
    left += off * off;
  }
  cost.r2 = yy > 0 ? std::max(0.0, 1 - left / yy) : 1;
  return cost;
}

std::string to_json(const Calibration& calibration) {
  Ordered json{{"schema", kCalibrationSchema}, {"complete", calibration.complete}};
  json["context"] = Ordered::object();
  for (const auto& [name, value] : calibration.context) json["context"][name] = value;
  json["figures"] = Ordered::object();
  for (const auto& [name, figure] : calibration.figures) json["figures"][name] = figure_json(figure);
  if (fits_a_line(calibration.commit_points)) json["commit"] = line_json(calibration.commit_points);
  if (fits_a_line(calibration.busy_points)) json["commit_busy"] = line_json(calibration.busy_points);
  if (calibration.event > 0) {
    json["cpu"] = {{"step_s", rounded(calibration.step)},
                   {"event_s", rounded(calibration.event)},
                   {"attempt_s", rounded(calibration.attempt)},
                   {"stretch", calibration.stretch}};
  }
  json["clock"] = {{"postgres_ahead_s", calibration.clock_ahead}, {"unsure_s", calibration.clock_unsure}};
  return json.dump(1, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

Result<Calibration> parse_calibration(std::string_view text, std::string_view label) {
  constexpr std::string_view kRemedy = "measure anew: drydock calibrate --out FILE";
  const auto document = Document::parse(text, label);
  if (!document) return Error{fmt::format("{}; {}", document.error().message, kRemedy)};
  const Json& json = document.value().root();
  const auto fail = [&](const std::string& pointer, std::string_view why) {
    return Error{fmt::format("{}: {}; {}", document.value().place(pointer), why, kRemedy)};
  };
  if (json.is_object() && json.contains("schema") && json["schema"] != kCalibrationSchema) {
    return fail("/schema",
                fmt::format("is {}, and this program reads \"{}\"",
                            json["schema"].dump(-1, ' ', false, Json::error_handler_t::replace), kCalibrationSchema));
  }
  if (const auto valid = validate_calibration(json); !valid) {
    const std::string& message = valid.error().message;
    const std::size_t end = message.find(": ");
    const std::string pointer = message.substr(0, end);
    return fail(pointer == "/" ? "" : pointer, message.substr(end + 2));
  }
  if (const auto wrong = wrong_figure(json)) return fail(wrong->first, wrong->second);
  Calibration calibration;
  calibration.context = json["context"].get<std::map<std::string, std::string>>();
  calibration.complete = json["complete"].get<bool>();
  for (const auto& [name, figure] : json["figures"].items()) calibration.figures.emplace(name, read_figure(figure));
  calibration.commit_points = read_points(json, "commit");
  calibration.busy_points = read_points(json, "commit_busy");
  if (const auto cpu = json.find("cpu"); cpu != json.end()) {
    calibration.step = (*cpu)["step_s"].get<double>();
    calibration.event = (*cpu)["event_s"].get<double>();
    calibration.attempt = (*cpu)["attempt_s"].get<double>();
    calibration.stretch = (*cpu)["stretch"].get<double>();
  }
  calibration.clock_ahead = json["clock"]["postgres_ahead_s"].get<double>();
  calibration.clock_unsure = json["clock"]["unsure_s"].get<double>();
  return calibration;
}

// A store's own time is what passes between two answers when others wait behind; what is left of an answer that nothing waits for is the
// way there and back.
std::vector<std::pair<std::string, Json>> for_scenario(const Calibration& calibration) {
  std::vector<std::pair<std::string, Json>> all;
  const auto figure = [&](std::string_view name) -> const Figure* {
    const auto found = calibration.figures.find(name);
    return found == calibration.figures.end() ? nullptr : &found->second;
  };
  const auto put = [&](std::string_view pointer, Json value) { all.emplace_back(pointer, std::move(value)); };
  const Figure* counter = figure("redis.counter");
  const Figure* busy = figure("redis.busy");
  if (counter != nullptr) put("/cluster/stores/redis/latency", as_distribution(*counter, busy ? busy->mean : 0, 0.5));
  if (busy != nullptr) put("/cluster/stores/redis/service", as_duration(busy->mean));
  double way = 0;
  if (fits_a_line(calibration.commit_points)) {
    const CommitCost alone = fit(calibration.commit_points);
    const CommitCost own = fits_a_line(calibration.busy_points) ? fit(calibration.busy_points) : alone;
    way = std::max(0.0, alone.base - own.base);
    put("/cluster/stores/postgres/latency", as_duration(way / 2));
    // As it varies with one row, around what the line has for none.
    if (const Figure* one = figure("postgres.commit")) {
      put("/cluster/stores/postgres/commit", as_distribution(*one, one->mean - own.base));
    } else {
      put("/cluster/stores/postgres/commit", as_duration(own.base));
    }
    if (own.per_row > 0) put("/cluster/stores/postgres/commit_row", as_duration(own.per_row));
    put("/cluster/stores/postgres/connections", 1);  // a scheduler's commits go over one
  }
  if (const Figure* query = figure("postgres.query")) put("/cluster/stores/postgres/query", as_distribution(*query, way));
  for (const std::string_view name : {"dispatch", "report", "process_start", "timer"}) {
    if (const Figure* found = figure(name)) put(fmt::format("/control_plane/overheads/{}", name), as_distribution(*found));
  }
  if (calibration.event > 0) {
    put("/control_plane/overheads/step", as_duration(calibration.step * calibration.stretch));
    put("/control_plane/overheads/event", as_duration(calibration.event * calibration.stretch));
  }
  return all;
}

Result<bool> fill_in(Document& document, const std::filesystem::path& base, bool read) {
  const Json& root = document.root();
  const auto named = root.is_object() ? root.find("calibration") : root.end();
  if (!root.is_object() || named == root.end() || !named->is_string() || !read) return true;
  const std::string name = named->get<std::string>();
  const std::filesystem::path file(name);
  const auto text = read_file(file.is_absolute() ? file : base / file, kLargestCalibration);
  if (!text) return Error{fmt::format("{}: {}", document.place("/calibration"), text.error().message)};
  const auto calibration = parse_calibration(text.value(), name);
  if (!calibration) return Error{fmt::format("{}: {}", document.place("/calibration"), calibration.error().message)};
  // A part of the figures beside nothing for the others would pass for measured.
  if (!calibration.value().complete || calibration.value().figures.empty()) {
    return Error{
        fmt::format("{}: {}: {}; measure anew: drydock calibrate --out FILE", document.place("/calibration"), name,
                    calibration.value().complete ? "there is no figure in it" : "it was interrupted, and lacks figures")};
  }
  for (auto& [pointer, value] : for_scenario(calibration.value())) {
    if (document.root().contains(Json::json_pointer(pointer))) continue;
    // Where the scenario has something there that nothing can be put into, its reader will say so.
    (void)document.set(pointer, std::move(value), fmt::format("from {}", name));
  }
  Json from{{"file", name}};
  for (const char* key : {"date", "host"}) {
    const auto found = calibration.value().context.find(key);
    if (found != calibration.value().context.end()) from[key] = found->second;
  }
  return document.set("/calibration", std::move(from), fmt::format("from {}", name));
}

}  // namespace drydock::scenarios
