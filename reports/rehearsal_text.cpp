// What a rehearsal shows, for people and for programs.
#include "reports/json_text.hpp"
#include "reports/layout.hpp"
#include "reports/metric_info.hpp"
#include "reports/numbers.hpp"
#include "reports/phrases.hpp"
#include "reports/rehearsal.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

constexpr std::size_t kColumn = 13;
constexpr std::size_t kLabel = 30;

std::string label_of(const std::string& metric) {
  const auto info = describe(metric);
  return info ? info->label() : metric;
}

std::string unit_of(const std::string& metric) {
  const auto info = describe(metric);
  if (!info) return "";
  switch (info->family->unit) {
    case Unit::seconds: return "s";
    case Unit::core_seconds: return "core s";
    case Unit::per_second: return "/s";
    case Unit::per_hour: return "/h";
    case Unit::usd: return "USD";
    case Unit::count:
    case Unit::ratio:
    case Unit::fraction: return "";
  }
  return "";
}

std::string value_text(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1000) return fmt::format("{:.0f}", value);
  if (size < 0.001) return fmt::format("{:.2g}", value);
  return fmt::format("{:.4g}", value);
}

std::string signed_text(double value) { return (value > 0 ? "+" : "") + value_text(value); }

std::string row(const std::string& label, const std::string& unit, const std::vector<std::string>& cells) {
  std::string line = "  " + padded(label, kLabel, false) + padded(unit, 7, false);
  for (const std::string& cell : cells) line += padded(cell, kColumn, true);
  return line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
}

std::string figures_text(const RehearsedVariant& variant) {
  std::string text = row("", "", {"predicted", "for real", "difference", "", "spread"});
  for (const RehearsedFigure& figure : variant.figures) {
    const auto relative = figure.relative();
    text +=
        row(label_of(figure.metric), unit_of(figure.metric),
            {value_text(figure.predicted), value_text(figure.real), signed_text(figure.difference()),
             relative ? fmt::format("{:+.1f} %", *relative * 100) : "", figure.spread ? value_text(*figure.spread) : "-"});
  }
  return text;
}

std::string parts_text(const std::vector<RehearsedPart>& parts, std::string_view title) {
  if (parts.empty()) return "";
  std::string text = fmt::format("{}\n", title);
  for (const RehearsedPart& part : parts) {
    text += fmt::format("    {:44}", part.what);
    text += padded(part.predicted_s ? value_text(*part.predicted_s) + " s" : "-", kColumn, true);
    text += padded(part.real_s ? value_text(*part.real_s) + " s" : "-", kColumn, true);
    if (part.predicted_s && part.real_s) text += padded(signed_text(*part.real_s - *part.predicted_s) + " s", kColumn, true);
    text += '\n';
  }
  return text;
}

std::string variant_text(const Rehearsal& rehearsal, const RehearsedVariant& variant, std::size_t width) {
  std::string text =
      fmt::format("{}{}{}: {} run{} for real, each beside its simulation\n", rehearsal.scenario,
                  variant.name.empty() ? "" : ", variant ", variant.name, variant.pairs, variant.pairs == 1 ? "" : "s");
  text += figures_text(variant);
  if (variant.waits) {
    text += fmt::format("  waits: Kolmogorov-Smirnov distance {:.3f}{}\n", variant.waits->distance,
                        variant.waits->floor ? fmt::format(", between two real runs {:.3f}", *variant.waits->floor) : "");
  }
  text += parts_text(variant.wait_parts, "  the mean wait is made of (predicted, for real):");
  text += parts_text(variant.hold_parts, "  an attempt holds its place beyond its work (predicted, for real):");
  if (!variant.only_predicted.empty()) {
    std::vector<std::string> names;
    for (const std::string& metric : variant.only_predicted) names.push_back(label_of(metric));
    text += wrapped("  not measured for real: " + join(names) + ".", width, 4);
  }
  return text;
}

std::string orders_text(const Rehearsal& rehearsal, std::size_t width) {
  if (rehearsal.orders.empty()) return "";
  std::size_t shown = 0;
  std::string wrong;
  for (const RehearsedOrder& order : rehearsal.orders) {
    if (!order.shown) continue;
    ++shown;
    if (order.same()) continue;
    wrong += wrapped(fmt::format("{}: for real {} has the lower one ({} less), by the simulation {}.",
                                 capitalised(label_of(order.metric)), order.real < 0 ? order.second : order.first,
                                 value_text(std::abs(order.real)), order.real < 0 ? order.first : order.second),
                     width);
  }
  if (shown == 0) {
    return wrapped("Ranking of the variants: no difference is shown for real; more repeats (--repeats) would tell.", width);
  }
  if (wrong.empty()) {
    return wrapped(fmt::format("Ranking of the variants: the same for real as simulated, in all {} comparison{} where a "
                               "difference is shown for real.",
                               shown, shown == 1 ? "" : "s"),
                   width);
  }
  return "Ranking of the variants: NOT the same for real as simulated.\n" + wrong;
}

using Json = nlohmann::ordered_json;

Json optional_number(const std::optional<double>& value) { return value ? json_number(*value) : Json(nullptr); }

Json parts_json(const std::vector<RehearsedPart>& parts) {
  Json list = Json::array();
  for (const RehearsedPart& part : parts) {
    Json one;
    one["part"] = part.name;
    one["predicted_s"] = optional_number(part.predicted_s);
    one["real_s"] = optional_number(part.real_s);
    list.push_back(std::move(one));
  }
  return list;
}

Json figure_json(const RehearsedFigure& figure) {
  Json one;
  one["metric"] = figure.metric;
  one["predicted"] = json_number(figure.predicted);
  one["real"] = json_number(figure.real);
  one["difference"] = json_number(figure.difference());
  one["relative"] = optional_number(figure.relative());
  one["spread"] = optional_number(figure.spread);
  const auto within = figure.within_spread();
  one["within_spread"] = within ? Json(*within) : Json(nullptr);
  one["n"] = figure.pairs;
  return one;
}

Json variant_json(const RehearsedVariant& variant) {
  Json json;
  json["variant"] = variant.name;
  json["n"] = variant.pairs;
  json["figures"] = Json::array();
  for (const RehearsedFigure& figure : variant.figures) json["figures"].push_back(figure_json(figure));
  json["waits"] = nullptr;
  if (variant.waits) {
    Json waits;
    waits["ks"] = json_number(variant.waits->distance);
    waits["ks_between_real_runs"] = optional_number(variant.waits->floor);
    json["waits"] = std::move(waits);
  }
  json["wait_parts"] = parts_json(variant.wait_parts);
  json["hold_parts"] = parts_json(variant.hold_parts);
  json["not_measured"] = variant.only_predicted;
  return json;
}

Json order_json(const RehearsedOrder& order) {
  Json json;
  json["metric"] = order.metric;
  json["first"] = order.first;
  json["second"] = order.second;
  json["predicted"] = json_number(order.predicted);
  json["real"] = json_number(order.real);
  json["shown"] = order.shown;
  json["same"] = order.same();
  return json;
}

}  // namespace

std::string render_rehearsal(const Rehearsal& rehearsal, std::size_t width) {
  std::string text;
  for (const std::string& caution : rehearsal.cautions) text += wrapped("CAUTION: " + caution, width);
  if (rehearsal.variants.empty()) {
    return text + "No run for real was complete: there is nothing to hold against the simulation.\n";
  }
  for (const RehearsedVariant& variant : rehearsal.variants) {
    if (!text.empty()) text += '\n';
    text += variant_text(rehearsal, variant, width);
  }
  text += '\n' + orders_text(rehearsal, width);
  const bool several = std::ranges::any_of(rehearsal.variants, [](const auto& variant) { return variant.pairs > 1; });
  text += wrapped(several ? "Spread: of the differences between a real run and its simulation, the greatest minus the least."
                          : "One run says nothing of chance: --repeats 5 shows how far real runs are from each other.",
                  width);
  return text;
}

std::string render_rehearsal_json(const Rehearsal& rehearsal, std::string_view version) {
  Json json;
  json["schema"] = kRehearsalSchema;
  json["version"] = version;
  json["scenario"] = rehearsal.scenario;
  json["cautions"] = rehearsal.cautions;
  json["variants"] = Json::array();
  for (const RehearsedVariant& variant : rehearsal.variants) json["variants"].push_back(variant_json(variant));
  json["orders"] = Json::array();
  for (const RehearsedOrder& order : rehearsal.orders) json["orders"].push_back(order_json(order));
  return json_text(json) + "\n";
}

}  // namespace drydock::reports
