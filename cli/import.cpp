// drydock import FORMAT FILE
#include "scenarios/import.hpp"

#include "cli/command.hpp"
#include "cli/suggest.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <string>
#include <vector>

namespace drydock::cli {
namespace {

using scenarios::TraceFormat;
using scenarios::TraceOptions;

constexpr std::string_view kColumnsHelp =
    "columns are given as submit=NAME,runtime=NAME[,tasks=NAME][,estimate=NAME][,queue=NAME]; their unit is "
    "--time-unit";

// "submit=arrival,runtime=took": which column means what.
Result<scenarios::CsvColumns> parse_columns(std::string_view text) {
  scenarios::CsvColumns columns;
  static constexpr std::array<std::string_view, 5> kMeanings{"submit", "runtime", "tasks", "estimate", "queue"};
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t equals = one.find('=');
    const std::string_view meaning = one.substr(0, equals);
    const std::string column(equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1));
    if (column.empty())
      return Error{fmt::format("--columns: \"{}\" names no column; {}", scenarios::printable(one), kColumnsHelp)};
    if (meaning == "submit") columns.submit = column;
    else if (meaning == "runtime") columns.runtime.push_back({.column = column, .factor_ns = 1e9});
    else if (meaning == "tasks") columns.tasks = column;
    else if (meaning == "estimate") columns.estimate = column;
    else if (meaning == "queue") columns.queue = column;
    else
      return Error{fmt::format("--columns: there is no meaning \"{}\"{}; {}", scenarios::printable(meaning),
                               did_you_mean(meaning, kMeanings), kColumnsHelp)};
  }
  if (columns.submit.empty()) return Error{fmt::format("--columns: which column is submit? {}", kColumnsHelp)};
  if (columns.runtime.empty()) return Error{fmt::format("--columns: which column is runtime? {}", kColumnsHelp)};
  return columns;
}

class Import final : public Command {
 public:
  void declare(CLI::App& app) override {
    app.add_option("FORMAT", format_, "swf, csv, batsim, or journal, which is what a run recorded; each may be gzipped")
        ->required()
        ->check(CLI::IsMember({"swf", "csv", "batsim", "journal"}));
    app.add_option("FILE", file_, "The trace")->required();
    app.add_option("--columns", columns_, "csv: submit=NAME,runtime=NAME[,tasks=NAME][,estimate=NAME][,queue=NAME]");
    app.add_option("--time-unit", time_unit_, "csv: of all times that are plain numbers: s (default), ms, us, ns, m, h or d")
        ->check(CLI::IsMember({"ns", "us", "ms", "s", "m", "h", "d"}));
    app.add_option("--delimiter", delimiter_, "csv: between columns (default ,)");
    app.add_option("--flops", options_.flops_per_s, "batsim: what a processor computes in a second (default 1e9)")
        ->check(CLI::Range(1.0, 1e18));
    app.add_option("--first", options_.first, "Valid jobs to leave out at the beginning");
    app.add_option("--count", count_, "Jobs to use after these (default: all)")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
    app.add_flag("--requested", requested_,
                 "Estimates are what users asked for, not the true runtimes (journal: always, as the scheduler was told)");
    app.add_option("--out", out_, "Write a scenario that runs the trace");
    app.add_flag("--force", force_, "Write it even if the file exists")->needs("--out");
    app.add_option("--format", output_, "table (default) or json")->check(CLI::IsMember({"table", "json"}));
  }

  int run(const Terminal&) override {
    if (const auto ready = complete_options(); !ready) return bad_input(ready.error().message);
    std::error_code ignored;
    if (!force_ && std::filesystem::exists(out_, ignored))
      return bad_input(fmt::format("--out: {} exists; choose another name, or add --force to overwrite it", out_));
    const auto report = scenarios::import_trace(file_, options_);
    if (!report) return bad_input(report.error().message);
    if (!out_.empty()) {
      if (const auto written = write_scenario(report.value()); !written) return bad_input(written.error().message);
    }
    fmt::print("{}", output_ == "json" ? scenarios::import_json(report.value()) : scenarios::import_text(report.value()));
    if (!out_.empty() && output_ == "table") fmt::print("\nWritten: {0}; run it with `drydock simulate {0}`\n", out_);
    return kDone;
  }

 private:
  [[nodiscard]] Result<bool> complete_options() {
    if (count_ > 0) options_.count = count_;
    if (requested_) options_.estimate = scenarios::TraceEstimate::requested;
    if (format_ != "csv") {
      if (!columns_.empty()) return Error{fmt::format("--columns is for csv; {} has none to choose", format_)};
      if (format_ == "batsim") options_.format = TraceFormat::batsim;
      if (format_ == "journal") {
        options_.format = TraceFormat::journal;
        options_.estimate = scenarios::TraceEstimate::requested;
      }
      return true;
    }
    options_.format = TraceFormat::csv;
    if (columns_.empty()) return Error{fmt::format("import csv needs --columns; {}", kColumnsHelp)};
    if (delimiter_ == "\\t" || delimiter_ == "tab") delimiter_ = "\t";
    if (delimiter_.size() != 1) return Error{"--delimiter: one character, or tab"};
    auto columns = parse_columns(columns_);
    if (!columns) return columns.error();
    options_.csv = std::move(columns).value();
    options_.csv.delimiter = delimiter_.front();
    const std::int64_t unit_ns = nanos(scenarios::parse_duration("1" + time_unit_).value());
    options_.csv.submit_unit_ns = options_.csv.estimate_unit_ns = unit_ns;
    for (scenarios::CsvTerm& term : options_.csv.runtime) term.factor_ns = static_cast<double>(unit_ns);
    return true;
  }

  // The trace is named relative to the scenario, so that both can be moved together.
  [[nodiscard]] Result<bool> write_scenario(const scenarios::ImportReport& report) const {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path folder = fs::absolute(out_).parent_path();
    fs::create_directories(folder, error);
    const fs::path trace = fs::relative(file_, folder, error);
    const std::string text =
        scenarios::scenario_for(report, options_, trace.empty() ? fs::absolute(file_).string() : trace.string());
    errno = 0;
    std::ofstream out(out_, std::ios::binary);
    out << text;
    out.close();
    if (!out) return Error{fmt::format("--out: cannot write {}: {}", out_, std::strerror(errno))};
    return true;
  }

  std::string format_;
  std::string file_;
  std::string columns_;
  std::string time_unit_ = "s";
  std::string delimiter_ = ",";
  std::string out_;
  std::string output_ = "table";
  std::uint64_t count_ = 0;
  bool requested_ = false;
  bool force_ = false;
  TraceOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_import() { return std::make_unique<Import>(); }

}  // namespace drydock::cli
