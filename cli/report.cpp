// drydock report RUN...
#include "reports/report.hpp"

#include "cli/command.hpp"
#include "cli/journal_course.hpp"
#include "cli/report_page.hpp"
#include "cli/report_sources.hpp"
#include "cli/result_files.hpp"
#include "cli/version.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::vector<std::string> journals;
  std::string html;
  std::string csv;
  std::string markdown;
  std::string trace;
  std::uint64_t most_events = 1'000'000;
  bool across = false;
};

constexpr std::string_view kNoPage =
    "--html: this drydock was built without the page of reports: it needs Node.js 18 and npm when it is built (cmake "
    "-DDRYDOCK_BUILD_REPORTS_WEB=ON); --markdown and --csv do without";

class Report final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option(
        "RUN", options_.runs,
        "A folder of `simulate --out`, `up --out`, `sweep --out` or `compare --out`, or a file of JSON that they wrote; "
        "several results are compared with the first");
    app.add_option("--journal", options_.journals,
                   "Show what happened in a run, by its journal: queues, use, workers, failures; may be repeated")
        ->allow_extra_args(false)
        ->type_name("FILE");
    app.add_option("--html", options_.html, "One page for a browser, with all that it needs in it")->type_name("FILE");
    app.add_option("--csv", options_.csv, "Folder for tables: runs, metrics, series, failures, ...")->type_name("DIR");
    app.add_option("--markdown", options_.markdown, "For a pull request; - for standard output")->type_name("FILE");
    app.add_option("--trace", options_.trace,
                   "A journal as a trace for https://ui.perfetto.dev or chrome://tracing: workers as processes")
        ->type_name("FILE");
    app.add_option("--most-events", options_.most_events,
                   "Of the trace; what comes later is left out, and said so (default 1000000)")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    app.add_flag("--across-scenarios", options_.across, "Compare results of scenarios that are called differently");
    app.footer(
        "Examples:\n"
        "  drydock simulate easy-against-fcfs --seeds 1..10 --out out/demo && drydock report out/demo --html demo.html\n"
        "  drydock simulate redis-outage --variant 20s --seeds 1 --out out/run --journal run.journal\n"
        "  drydock report out/run --journal run.journal --html run.html --trace run.trace.json\n"
        "  drydock report out/before out/after --markdown -\n"
        "Without a form, the Markdown is printed.");
  }

  int run(const Terminal&) override {
    if (options_.runs.empty() && options_.journals.empty())
      return bad_input("report: name a result to report on (RUN), or a journal (--journal)");
    if (!options_.html.empty() && !has_report_page()) return bad_input(kNoPage);
    if (!options_.trace.empty() && options_.journals.size() != 1)
      return bad_input("--trace: a trace is of one journal: give one with --journal");
    auto sources = read_sources(options_.runs, options_.across);
    if (!sources) return bad_input(sources.error().message);
    if (!options_.trace.empty()) {
      if (const int code = trace(); code != kDone) return code;
    }
    const bool page =
        !options_.html.empty() || !options_.csv.empty() || !options_.markdown.empty() || options_.trace.empty();
    return page ? write(sources.value()) : kDone;
  }

 private:
  int trace() const {
    const auto written = write_trace(options_.journals.front(), options_.trace, options_.most_events);
    if (!written) return bad_input(written.error().message);
    const TraceWritten& trace = written.value();
    if (trace.doubt) fmt::print(stderr, "drydock: {}: {}\n", options_.journals.front(), *trace.doubt);
    if (trace.full_since)
      fmt::print(stderr, "drydock: {}: {} events of what ended after {:.3f} s are left out; --most-events takes more\n",
                 options_.trace, trace.left_out, seconds(*trace.full_since));
    said(options_.trace);
    return kDone;
  }

  int write(const ReportSources& sources) {
    std::vector<reports::JournalCourse> journals;
    for (const std::string& path : options_.journals) {
      auto course = read_course(path);
      if (!course) return bad_input(course.error().message);
      journals.push_back(std::move(course).value());
    }
    const reports::ReportInput input{.version = std::string(kVersion),
                                     .results = sources.results,
                                     .comparison = sources.comparison,
                                     .sweep = sources.sweep,
                                     .journals = journals};
    if (!options_.html.empty()) {
      const std::string title = reports::say_report(input).title;
      auto page = write_whole_file(options_.html, report_page(title, reports::report_page_data(input)));
      if (!page) return bad_input(page.error().message);
      said(options_.html);
    }
    if (!options_.csv.empty()) {
      if (auto tables = write_tables(input); !tables) return bad_input(tables.error().message);
    }
    const bool printed = options_.html.empty() && options_.csv.empty() && options_.trace.empty();
    if (options_.markdown == "-" || (options_.markdown.empty() && printed)) {
      fmt::print("{}", reports::report_markdown(input));
    } else if (!options_.markdown.empty()) {
      auto text = write_whole_file(options_.markdown, reports::report_markdown(input));
      if (!text) return bad_input(text.error().message);
      said(options_.markdown);
    }
    return kDone;
  }

  Result<bool> write_tables(const reports::ReportInput& input) const {
    auto folder = prepare_folder(options_.csv);
    if (!folder) return folder.error();
    for (const auto& [name, text] : reports::report_csv(input)) {
      if (auto written = write_whole_file(folder.value() / name, text); !written) return written.error();
      said((folder.value() / name).string());
    }
    return true;
  }

  // Not where Markdown goes to standard output.
  void said(const std::string& path) const {
    if (options_.markdown != "-") fmt::print("Written: {}\n", path);
  }

  ReportOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_report() { return std::make_unique<Report>(); }

}  // namespace drydock::cli
