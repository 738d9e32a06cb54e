#include "reports/findings.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <vector>

namespace drydock::reports {
namespace {

constexpr std::size_t kNamesMost = 3;  // of tied variants in a sentence

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

// "41 s less", "3.1 percentage points more".
std::string say_lead(const MetricInfo& info, double lead) {
  const bool less = info.family->better == Better::lower;
  if (info.family->unit == Unit::fraction) {
    return fmt::format("{} percentage points {}", round_to(lead * 100, std::nullopt), less ? "less" : "more");
  }
  const std::string_view countable = less ? "fewer" : "more";
  return fmt::format("{} {}", say_value(info.family->unit, lead),
                     info.family->unit == Unit::count ? countable : (less ? "less" : "more"));
}

// "95 % interval 35 to 47 s": both ends in one unit, with the digits that the width deserves.
std::string say_interval(const MetricInfo& info, const Estimate& lead, double confidence) {
  Scale scale = scale_for(info.family->unit, std::max(std::abs(lead.low()), std::abs(lead.high())));
  if (info.family->unit == Unit::fraction) scale.suffix = " points";
  const auto shown = [&](double v) { return round_to(v * scale.factor, *lead.half_width * scale.factor); };
  std::string percent = fmt::format("{:.2f}", confidence * 100);
  percent.erase(percent.find_last_not_of('0') + 1);
  if (percent.ends_with('.')) percent.pop_back();
  return fmt::format("{} % interval {} to {}{}", percent, shown(lead.low()), shown(lead.high()), scale.suffix);
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string say_best(const Verdict& verdict, const MetricInfo& info) {
  const Rival& next = verdict.rivals.front();
  const Rival& last = verdict.rivals.back();
  std::string text = fmt::format("{} has the {} {}: {} than {}", verdict.leader, info.family->best_is, info.noun(),
                                 say_lead(info, next.lead.mean), next.variant);
  if (verdict.rivals.size() > 1) text += ", the next best";
  text += fmt::format(" ({}, {} paired seeds)", say_interval(info, next.lead, verdict.confidence), next.lead.n);
  if (verdict.rivals.size() > 1) text += fmt::format(", and {} than {}", say_lead(info, last.lead.mean), last.variant);
  return text + ".";
}

std::string say_tie(const Verdict& verdict, const MetricInfo& info) {
  std::vector<std::string> open;
  std::vector<std::string> equal;
  std::vector<std::string> beaten;
  const Rival* nearest = nullptr;
  for (const Rival& rival : verdict.rivals) {
    (rival.shown ? beaten : rival.equal ? equal : open).push_back(rival.variant);
    if (!rival.shown && !rival.equal && nearest == nullptr) nearest = &rival;
  }
  std::string text = capitalised(info.noun()) + ": ";
  if (open.empty()) {
    equal.insert(equal.begin(), verdict.leader);
    text += fmt::format("{} give exactly the same", join(equal));
  } else if (open.size() + equal.size() > kNamesMost) {
    text += fmt::format("{} has the best mean ({}), but no difference is shown to {} others", verdict.leader,
                        say_value(info.family->unit, verdict.leader_mean), open.size() + equal.size());
  } else {
    open.insert(open.begin(), equal.begin(), equal.end());
    open.insert(open.begin(), verdict.leader);
    text += fmt::format("no difference shown between {}", join(open));
    if (open.size() == 2) {
      text += fmt::format(" ({} with {}; {}, {} paired seeds)", say_lead(info, nearest->lead.mean), verdict.leader,
                          say_interval(info, nearest->lead, verdict.confidence), nearest->lead.n);
    }
  }
  if (!beaten.empty()) text += fmt::format("; {} is shown to be better than {}", verdict.leader, join(beaten));
  return text + ".";
}

// One run each: no interval, so nothing is claimed beyond these runs.
std::string say_single(const Verdict& verdict, const MetricInfo& info, bool random) {
  const Rival& next = verdict.rivals.front();
  std::string text = fmt::format("{} has the {} {} in this {}: {} than {}", verdict.leader, info.family->best_is,
                                 info.noun(), random ? "one run" : "scenario", say_lead(info, next.lead.mean), next.variant);
  if (next.equal) {
    text = fmt::format("{}: {} and {} give exactly the same", capitalised(info.noun()), verdict.leader, next.variant);
  } else if (verdict.rivals.size() > 1) {
    text += ", the next best";
  }
  if (verdict.rivals.size() > 1 && !verdict.rivals.back().equal) {
    const Rival& last = verdict.rivals.back();
    text += fmt::format(", and {} than {}", say_lead(info, last.lead.mean), last.variant);
  }
  return text + ".";
}

}  // namespace

std::string say(const Verdict& verdict, bool random) {
  const auto info = describe(verdict.metric);
  if (!info || verdict.rivals.empty()) return {};
  if (verdict.all_equal) return fmt::format("{}: exactly the same in all variants.", capitalised(info->noun()));
  if (verdict.best) return say_best(verdict, *info);
  const bool intervals = std::all_of(verdict.rivals.begin(), verdict.rivals.end(),
                                     [](const Rival& r) { return r.lead.half_width.has_value(); });
  return intervals ? say_tie(verdict, *info) : say_single(verdict, *info, random);
}

}  // namespace drydock::reports
