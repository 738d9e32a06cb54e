#include "reports/phrases.hpp"

#include <cmath>
#include <fmt/format.h>

namespace drydock::reports {
namespace {

// " (36 %)", or nothing: of shares a share would confuse, and of 0 there is none.
std::string say_share(const MetricInfo& info, const Rival& rival) {
  if (info.family->unit == Unit::fraction || rival.value.mean == 0 || rival.lead.mean == 0) return {};
  const double percent = std::abs(rival.lead.mean / rival.value.mean) * 100;
  if (percent < 10) return fmt::format(" ({:.2g} %)", percent);
  // 100 % less would be nothing at all.
  if (percent > 99 && percent < 100) return " (over 99 %)";
  return fmt::format(" ({:.0f} %)", percent);
}

std::string phrase_lead(const MetricInfo& info, const ShownUnits& units, const Rival& rival, const std::string& share) {
  const bool fraction = info.family->unit == Unit::fraction;
  const Scale scale = units.of(*info.family);
  const double lead = rival.lead.mean * scale.factor;
  const auto half = half_width_of(rival.lead, scale);
  const std::string figure = half ? fixed_visibly(lead, decimals_for(lead, *half)) : round_to(lead, std::nullopt);
  const bool lower = info.family->better == Better::lower;
  const std::string_view less = info.family->unit == Unit::count ? "fewer" : "less";
  return fmt::format("{}{}{} {}", figure, fraction ? " percentage points" : scale.suffix, share, lower ? less : "more");
}

}  // namespace

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string say_lead(const MetricInfo& info, const ShownUnits& units, const Rival& rival) {
  return phrase_lead(info, units, rival, {});
}

std::string say_lead_and_share(const MetricInfo& info, const ShownUnits& units, const Rival& rival) {
  return phrase_lead(info, units, rival, say_share(info, rival));
}

std::string say_interval(const MetricInfo& info, const ShownUnits& units, const Estimate& lead, double confidence) {
  const Scale scale = units.of(*info.family);
  const auto half = half_width_of(lead, scale);
  const auto shown = [&](double bound) {
    const double scaled = bound * scale.factor;
    return half ? fixed_visibly(scaled, decimals_for(lead.mean * scale.factor, *half)) : round_to(scaled, std::nullopt);
  };
  std::string percent = fmt::format("{:.2f}", confidence * 100);
  percent.erase(percent.find_last_not_of('0') + 1);
  if (percent.ends_with('.')) percent.pop_back();
  return fmt::format("{} % interval {} to {}{}", percent, shown(lead.low()), shown(lead.high()),
                     info.family->unit == Unit::fraction ? " points" : scale.suffix);
}

}  // namespace drydock::reports
