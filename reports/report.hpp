// What a report for people is made of, and its forms: the data of the HTML page, tables as CSV, Markdown for pull requests.
#pragma once

#include "reports/gantt.hpp"
#include "reports/recorded.hpp"
#include "reports/timeline.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drydock::reports {

inline constexpr std::string_view kReportSchema = "drydock.report/1";

// What became of a run, by its journal.
struct JournalCourse {
  std::string label;                // path, as the user called it
  std::string title;                // "demo, variant easy, seed 3, written by drydock 0.1.0"
  std::vector<std::string> queues;  // names
  std::vector<std::string> hosts;   // of workers, by number; may be shorter
  std::vector<FaultSpan> faults;    // of the scenario, by time: those that are to be drawn
  std::uint64_t more_faults = 0;    // others
  std::vector<std::string> notes;   // what these figures leave out
  std::vector<std::string> doubts;  // why they are not to be trusted
  Timeline::Course course;
  Gantt::Chart gantt;
  std::uint64_t workers = 0;  // that there were
  std::uint64_t steps = 0;
};

struct ReportInput {
  std::string version;  // of this program
  std::span<const Recorded> results;
  std::string comparison;  // drydock.compare/1, or empty
  std::string sweep;       // drydock.sweep/1, or empty
  std::span<const JournalCourse> journals;
};

// In words: what the report is of; why it is not to be trusted as it is, the worst first; what it shows.
struct ReportWords {
  std::string title;
  std::string description;
  std::vector<std::string> doubts;
  std::vector<std::string> findings;
  std::vector<std::string> notes;
};
[[nodiscard]] ReportWords say_report(const ReportInput& input);

// The data of the page as JSON, fit to stand in a <script> element: whatever names it has, none ends it.
[[nodiscard]] std::string report_page_data(const ReportInput& input);

// Compact, GitHub-flavoured. What is in names is text there, too, and no markup.
[[nodiscard]] std::string report_markdown(const ReportInput& input);

// Files of a folder, by name: those tables of which there is anything.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> report_csv(const ReportInput& input);

// A field as RFC 4180 has it: quoted where it must be.
[[nodiscard]] std::string csv_field(std::string_view text);

}  // namespace drydock::reports
