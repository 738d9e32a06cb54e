#include "reports/difference_words.hpp"

#include "reports/phrases.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace drydock::reports {
namespace {

constexpr std::size_t kNamedMost = 3;  // metrics of a kind with their figures in a sentence

std::optional<MetricInfo> info_of(const Difference& difference) { return describe(difference.metric); }

std::string name_of(const Difference& difference) {
  const auto info = info_of(difference);
  return info ? info->noun() : difference.metric;
}

Scale scale_of(const Difference& difference, const ShownUnits& units) {
  const auto info = info_of(difference);
  return info ? units.of(*info->family) : Scale{};
}

// Half the width of the interval in the unit shown; nothing where there is none worth telling.
std::optional<double> shown_half(const Difference& difference, const Scale& scale) {
  if (!difference.student) return std::nullopt;
  const double half = (difference.student->high - difference.student->low) / 2;
  const double size = std::max(std::abs(difference.base.mean), std::abs(difference.other.mean));
  if (half <= 1e-9 * size) return std::nullopt;
  return half * scale.factor;
}

std::string with_sign(const std::string& figure, double value) { return value > 0 ? "+" + figure : figure; }

std::string figure_of(double value, const Scale& scale, std::optional<double> half) {
  const double scaled = value * scale.factor;
  return half ? fixed_visibly(scaled, decimals_for(scaled, *half)) : round_to(scaled, std::nullopt);
}

std::string interval_text(const Interval& interval, double middle, const Scale& scale, std::optional<double> half) {
  const auto bound = [&](double value) {
    const double scaled = value * scale.factor;
    return half ? fixed_visibly(scaled, decimals_for(middle * scale.factor, *half)) : round_to(scaled, std::nullopt);
  };
  return fmt::format("{} to {}", bound(interval.low), bound(interval.high));
}

std::string finding_word(const Difference& difference, const DifferenceOptions& options) {
  const std::string within = say_percent(options.margin);
  switch (difference.finding) {
    case Finding::better: return difference.equivalent ? "better, by less than " + within : "better";
    case Finding::worse: return difference.equivalent ? "worse, by less than " + within : "worse";
    case Finding::different: return difference.equivalent ? "differs, by less than " + within : "differs";
    case Finding::equal: return "equal";
    case Finding::not_shown: return difference.equivalent ? "same within " + within : "no difference shown";
    case Finding::unknown: return "too few runs to say";
  }
  return {};
}

// "mean wait 9.1 s (34 %) less, 95 % interval 3.6 to 14.6 s": the interval is of the amount named.
std::string say_one(const Difference& difference, const DifferenceOptions& options, const ShownUnits& units) {
  const auto info = info_of(difference);
  const Scale scale = scale_of(difference, units);
  const auto half = shown_half(difference, scale);
  const bool fraction = info && info->family->unit == Unit::fraction;
  const bool count = info && info->family->unit == Unit::count;
  const bool less = difference.change < 0;
  const double size = std::abs(difference.change);
  const std::string unit = fraction ? " percentage points" : scale.suffix;
  std::string text = fmt::format("{} {}{}", name_of(difference), figure_of(size, scale, half), unit);
  if (difference.relative && !fraction) {
    const double percent = std::abs(*difference.relative) * 100;
    if (percent < 10) text += fmt::format(" ({:.2g} %)", percent);
    else if (percent > 99 && percent < 100) text += " (over 99 %)";
    else text += fmt::format(" ({:.0f} %)", percent);
  }
  text += less ? (count ? " fewer" : " less") : " more";
  if (!difference.student) return text;
  const Interval of_size = less ? Interval{-difference.student->high, -difference.student->low} : *difference.student;
  return text + fmt::format(" ({} % interval {}{})", options.confidence * 100,
                            half ? interval_text(of_size, size, scale, half) : "without width", half ? unit : "");
}

std::string say_some(std::string_view lead, const std::vector<const Difference*>& some, const DifferenceOptions& options,
                     const ShownUnits& units) {
  std::string text = fmt::format("{}: ", lead);
  for (std::size_t i = 0; i < std::min(some.size(), kNamedMost); ++i)
    text += (i > 0 ? "; " : "") + say_one(*some[i], options, units);
  if (some.size() > kNamedMost) {
    std::vector<std::string> others;
    for (std::size_t i = kNamedMost; i < some.size(); ++i) others.push_back(name_of(*some[i]));
    text += "; also " + join(others);
  }
  return text + ".";
}

std::vector<const Difference*> with(const SideDifferences& side, Finding finding) {
  std::vector<const Difference*> found;
  for (const Difference& one : side.metrics) {
    if (one.finding == finding) found.push_back(&one);
  }
  return found;
}

std::string say_runs(const Samples& samples) {
  if (samples.exact) return "one run each, in which nothing is random";
  if (samples.pairing == Pairing::unpaired)
    return fmt::format("{} against {} runs that share too few seeds to be paired", samples.other.size(),
                       samples.base.size());
  return samples.base.size() == 1 ? "one seed" : fmt::format("{} paired seeds", samples.base.size());
}

std::string say_sum(const SideDifferences& side, const DifferenceOptions& options) {
  std::vector<std::string> parts;
  const auto count = [&](Finding finding) { return with(side, finding).size(); };
  const auto part = [&](std::string_view word, std::size_t n, const std::string& more = {}) {
    if (n > 0) parts.push_back(fmt::format("{} {}{}", word, n, more));
  };
  part("better in", count(Finding::better));
  part("worse in", count(Finding::worse));
  part("different in", count(Finding::different));
  part("equal in", count(Finding::equal));
  const auto open = with(side, Finding::not_shown);
  const auto same = std::ranges::count_if(open, [](const Difference* one) { return one->equivalent; });
  part("no difference shown in", open.size(),
       same > 0 ? fmt::format(" ({} shown to be the same within {})",
                              same == std::ssize(open) ? "all" : std::to_string(same), say_percent(options.margin))
                : "");
  part("too few runs to say in", count(Finding::unknown));
  return fmt::format("{} against {} ({}), of {} metric{}: {}.", side.match->title, side.match->base_title,
                     say_runs(side.samples), side.metrics.size(), side.metrics.size() == 1 ? "" : "s",
                     parts.empty() ? "none has a value on both sides" : join(parts));
}

std::string say_distribution(const DistributionDifference& one, const SideDifferences& side, double significant,
                             const ShownUnits& units) {
  const auto info = describe(one.metric + ".mean");
  const std::string noun = info ? std::string(info->family->noun) : one.metric;
  const Scale scale = info ? units.of(*info->family) : Scale{};
  const KsResult& ks = one.ks;
  if (ks.distance == 0) return fmt::format("The distributions of the {} are the same.", noun);
  std::string text = fmt::format(
      "{}: the distributions are farthest apart at {}{}, which {:.0f} % do not exceed with {} and {:.0f} % with {}",
      capitalised(noun), round_to(ks.at * scale.factor, std::nullopt), scale.suffix, ks.other_part * 100, side.match->title,
      ks.base_part * 100, side.match->base_title);
  text += fmt::format(" (Kolmogorov-Smirnov distance {:.3f}", ks.distance);
  if (!one.p_holm) {
    return text +
           fmt::format("; were values within a run independent, above {:.3f} would be shown to differ, but they are not).",
                       ks_critical(one.base_count, one.other_count, significant));
  }
  return text +
         fmt::format(", {}: p {:.2g}).", *one.p_holm < significant ? "shown to differ" : "not shown to differ", *one.p_holm);
}

void say_cautions(const SideDifferences& side, std::vector<std::string>& sentences) {
  const Samples& samples = side.samples;
  if (samples.left_out > 0)
    sentences.push_back(fmt::format("{} run{} left out, of seeds that the other side has not.", samples.left_out,
                                    samples.left_out == 1 ? "" : "s"));
  if (!samples.exact && std::min(samples.base.size(), samples.other.size()) < 2) {
    sentences.emplace_back(
        "One run of a side says nothing of chance: there is no interval, and nothing is claimed beyond these runs; --seeds "
        "1..10 "
        "of simulate gives ten.");
    return;
  }
  if (samples.pairing == Pairing::unpaired && !samples.exact)
    sentences.emplace_back("Not paired: Welch's intervals, wider than those of the same seeds on both sides would be.");
  std::vector<std::string> doubtful;
  std::vector<std::string> alone;
  for (const Difference& one : side.metrics) {
    if (!one.student || !one.bootstrap) continue;
    const bool student_tells = !one.student->contains(0);
    if (student_tells != !one.bootstrap->contains(0)) doubtful.push_back(name_of(one));
    else if (student_tells && one.finding == Finding::not_shown) alone.push_back(name_of(one));
  }
  if (!doubtful.empty())
    sentences.push_back(
        fmt::format("Student's and the bootstrap's interval disagree about {}: more seeds would tell.", join(doubtful)));
  if (!alone.empty())
    sentences.push_back(
        fmt::format("By {} the interval{} of {} exclude{} 0, but among so many comparisons one like it comes by chance.",
                    alone.size() == 1 ? "itself" : "themselves", alone.size() == 1 ? "" : "s", join(alone),
                    alone.size() == 1 ? "s" : ""));
}

}  // namespace

std::string say_percent(double part) { return fmt::format("{:.6g} %", part * 100); }

std::string say_change_percent(double part) {
  const double percent = part * 100;
  const double size = std::abs(percent);
  if (size > 0 && size < 0.001) return fmt::format("{}0.001 %", percent > 0 ? "below +" : "above -");
  return with_sign(size < 10 ? fmt::format("{:.2g} %", percent) : fmt::format("{:.0f} %", percent), percent);
}

ShownUnits units_of(const DifferenceReport& report) {
  std::vector<VariantSummary> summaries;
  for (const SideDifferences& side : report.sides) {
    VariantSummary& base = summaries.emplace_back();
    for (const Difference& one : side.metrics) base.metrics.emplace(one.metric, one.base);
    VariantSummary& other = summaries.emplace_back();
    for (const Difference& one : side.metrics) other.metrics.emplace(one.metric, one.other);
  }
  return ShownUnits(summaries);
}

DifferenceRow row_of(const Difference& difference, const DifferenceOptions& options, const ShownUnits& units) {
  const auto info = info_of(difference);
  const Scale scale = scale_of(difference, units);
  const auto half = shown_half(difference, scale);
  DifferenceRow row;
  row.label = info ? info->label() : difference.metric;
  row.unit = scale.suffix.empty() ? "" : scale.suffix.substr(1);
  row.base = round_to(difference.base.mean * scale.factor, half_width_of(difference.base, scale));
  row.other = round_to(difference.other.mean * scale.factor, half_width_of(difference.other, scale));
  row.change = with_sign(figure_of(difference.change, scale, half), difference.change);
  if (difference.student && half) row.interval = interval_text(*difference.student, difference.change, scale, half);
  if (difference.bootstrap && half) row.bootstrap = interval_text(*difference.bootstrap, difference.change, scale, half);
  if (difference.relative) row.relative = difference.change == 0 ? "0 %" : say_change_percent(*difference.relative);
  row.finding = finding_word(difference, options);
  if (difference.cohens_d) row.effect = fmt::format("{:.2f}", *difference.cohens_d);
  if (difference.cliffs_delta) row.delta = fmt::format("{:.2f}", *difference.cliffs_delta);
  if (difference.p_holm) row.p = *difference.p_holm < 0.0001 ? "<0.0001" : fmt::format("{:.2g}", *difference.p_holm);
  return row;
}

std::vector<std::string> say_differences(const SideDifferences& side, const DifferenceOptions& options,
                                         const ShownUnits& units) {
  std::vector<std::string> sentences{say_sum(side, options)};
  const std::size_t pairs = side.samples.base.size();
  if (side.samples.pairing == Pairing::paired && pairs > 0 && side.samples.same_steps == pairs)
    sentences.push_back(
        pairs == 1
            ? "Every decision is the same: the hashes of the journals are equal."
            : fmt::format("Every decision is the same under all {} seeds: the hashes of the journals are equal.", pairs));
  for (const auto& [finding, lead] : {std::pair{Finding::better, "Better"}, std::pair{Finding::worse, "Worse"},
                                      std::pair{Finding::different, "Different"}}) {
    if (const auto some = with(side, finding); !some.empty()) sentences.push_back(say_some(lead, some, options, units));
  }
  for (const DistributionDifference& one : side.distributions)
    sentences.push_back(say_distribution(one, side, 1 - options.confidence, units));
  say_cautions(side, sentences);
  return sentences;
}

std::vector<std::string> say_method(const DifferenceReport& report) {
  std::vector<std::string> sentences;
  if (report.tests == 0) return sentences;
  const std::string confidence = say_percent(report.options.confidence);
  sentences.push_back(fmt::format(
      "Change: other - base, with its {} interval by itself. Better and worse is what is shown with {} confidence over "
      "all {} comparison{} together (Holm). \"No difference shown\" does not mean that there is none; \"same within {}\" "
      "means that any is shown to be smaller than that.",
      confidence, confidence, report.tests, report.tests == 1 ? "" : "s", say_percent(report.options.margin)));
  return sentences;
}

}  // namespace drydock::reports
