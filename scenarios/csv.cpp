// Comma-separated values with a header row (RFC 4180: fields may be quoted, also over several lines) and a map of columns.
#include "scenarios/trace.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <unordered_map>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kLongestRecord = std::size_t{1} << 20;
constexpr std::size_t kMostQueues = 100'000;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Splits records into fields.
class RecordReader {
 public:
  RecordReader(std::unique_ptr<ByteSource> bytes, char delimiter) : lines_(std::move(bytes)), delimiter_(delimiter) {}

  // False at the end or after an error. Empty lines are passed over.
  [[nodiscard]] bool next(std::vector<std::string_view>& fields) {
    fields.clear();
    std::string_view line;
    do {
      if (!lines_.next(line)) return finish();
    } while (trimmed(line).empty());
    first_line_ = lines_.line_number();
    if (line.find('"') == std::string_view::npos) {
      split_plain(line, fields);
      return true;
    }
    return split_quoted(line, fields);
  }
  [[nodiscard]] std::uint64_t line() const { return first_line_; }  // where the record begins
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

 private:
  bool finish() {
    error_ = lines_.error();
    return false;
  }
  void split_plain(std::string_view line, std::vector<std::string_view>& fields) const {
    for (std::size_t begin = 0;;) {
      const std::size_t end = std::min(line.find(delimiter_, begin), line.size());
      fields.push_back(trimmed(line.substr(begin, end - begin)));
      if (end == line.size()) return;
      begin = end + 1;
    }
  }
  // Unquotes into text_; the fields are cut out of it at the end, when it no longer moves.
  bool split_quoted(std::string_view line, std::vector<std::string_view>& fields) {
    text_.clear();
    std::vector<std::size_t> ends;
    bool quoted = false;
    bool was_quoted = false;
    std::size_t begin = 0;
    while (true) {
      for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
          text_ += line[++i];
        } else if (c == '"' && (quoted || trimmed(std::string_view(text_).substr(begin)).empty())) {
          if (!quoted) text_.resize(begin);
          quoted = !quoted;
          was_quoted = true;
        } else if (c == delimiter_ && !quoted) {
          ends.push_back(begin = text_.size());
          was_quoted = false;
        } else if (!was_quoted || quoted || (c != ' ' && c != '\t')) {
          text_ += c;
        }
      }
      if (!quoted) break;
      text_ += '\n';
      if (text_.size() > kLongestRecord || !lines_.next(line)) {
        error_ = lines_.error().value_or(fmt::format("line {}: a quoted field begins here that does not end", first_line_));
        return false;
      }
    }
    ends.push_back(text_.size());
    begin = 0;
    for (const std::size_t end : ends) {
      fields.push_back(trimmed(std::string_view(text_).substr(begin, end - begin)));
      begin = end;
    }
    return true;
  }

  LineReader lines_;
  char delimiter_;
  std::string text_;
  std::uint64_t first_line_ = 0;
  std::optional<std::string> error_;
};

class CsvReader {
 public:
  CsvReader(std::unique_ptr<ByteSource> bytes, std::string path, const CsvColumns& columns)
      : records_(std::move(bytes), columns.delimiter), columns_(columns) {
    trace_.path = std::move(path);
  }

  Result<RawTrace> read() {
    std::vector<std::string_view> fields;
    if (records_.next(fields)) read_header(fields);
    while (!error_ && records_.next(fields)) read_job(fields);
    if (records_.error()) return Error{fmt::format("{}: {}", trace_.path, *records_.error())};
    if (error_) return Error{*error_};
    if (trace_.read == 0)
      return Error{fmt::format("{}: holds no jobs: expected a header row and a row per job", trace_.path)};
    if (trace_.remarks.contains(std::string(kSorted))) std::ranges::stable_sort(trace_.jobs, {}, &RawJob::submit_ns);
    return std::move(trace_);
  }

 private:
  static constexpr std::string_view kSorted = "submitted before an earlier line; sorted";

  void fail(const std::string& why) {
    if (!error_) error_ = fmt::format("{}:{}: {}", trace_.path, records_.line(), why);
  }

  // Index of a column that the map names; kNone when it names none.
  std::size_t find_column(const std::string& name, const std::vector<std::string_view>& header) {
    if (name.empty()) return kNone;
    const auto it = std::ranges::find(header, name);
    if (it != header.end()) {
      if (std::ranges::count(header, name) > 1)
        fail(fmt::format("the header has the column \"{}\" twice: it is not clear which is meant", printable(name)));
      return static_cast<std::size_t>(it - header.begin());
    }
    fail(fmt::format("there is no column \"{}\"{}", printable(name), suggestion(name, header, "The header has")));
    return kNone;
  }

  void read_header(const std::vector<std::string_view>& header) {
    submit_ = find_column(columns_.submit, header);
    tasks_ = find_column(columns_.tasks, header);
    estimate_ = find_column(columns_.estimate, header);
    queue_ = find_column(columns_.queue, header);
    for (const CsvTerm& term : columns_.runtime) runtime_.push_back(find_column(term.column, header));
    width_ = header.size();
    if (queue_ == kNone) trace_.queues.emplace_back();
  }

  void bad(const std::string& column, std::string_view text, std::string_view wanted) {
    fail(fmt::format("column \"{}\" is \"{}\": expected {}", printable(column), printable(text, 40), wanted));
  }

  double number(const std::string& column, std::string_view text) {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) bad(column, text, "a number");
    return value;
  }

  std::int64_t submit_ns(std::string_view text) {
    std::int64_t ns = 0;
    const bool plain = decimal_to_nanos(text, columns_.submit_unit_ns, ns);
    if (plain_times_.value_or(plain) != plain)
      bad(columns_.submit, text, *plain_times_ ? "a number, as above" : "a date, as above");
    plain_times_ = plain;
    if (plain) {
      if (ns > nanos(kLongest)) bad(columns_.submit, text, fmt::format("a time of at most {}", format_duration(kLongest)));
      return ns;
    }
    const auto time = parse_iso_time(text);
    if (!time) {
      bad(columns_.submit, text, R"(a number or a time such as "2023-11-16 18:17:03.98")");
    } else if (time.value() > kLongest) {
      bad(columns_.submit, text, "a time before the year 2069");
    }
    return time ? nanos(time.value()) : 0;
  }

  // One column with a whole factor is exact to the nanosecond.
  bool exact_runtime(const std::vector<std::string_view>& fields, std::int64_t& ns) const {
    if (runtime_.size() != 1 || columns_.runtime_base_ns != 0) return false;
    const double factor = columns_.runtime[0].factor_ns;
    return factor == std::trunc(factor) && decimal_to_nanos(fields[runtime_[0]], static_cast<std::int64_t>(factor), ns);
  }

  std::int64_t runtime_ns(const std::vector<std::string_view>& fields) {
    std::int64_t exact = 0;
    const bool is_exact = exact_runtime(fields, exact);
    double sum = static_cast<double>(is_exact ? exact : columns_.runtime_base_ns);
    for (std::size_t i = 0; i < runtime_.size() && !is_exact; ++i) {
      sum += number(columns_.runtime[i].column, fields[runtime_[i]]) * columns_.runtime[i].factor_ns;
    }
    if (!(sum <= static_cast<double>(nanos(kLongest)))) {
      fail(fmt::format("the runtime is above {}, the longest allowed", format_duration(kLongest)));
      return -1;
    }
    if (sum < 0) return -1;
    return is_exact ? exact : static_cast<std::int64_t>(sum + 0.5);
  }

  void read_job(const std::vector<std::string_view>& fields) {
    if (fields.size() != width_) {
      fail(fmt::format("has {} fields, but the header has {}", fields.size(), width_));
      return;
    }
    RawJob job;
    job.line = records_.line();
    job.submit_ns = submit_ns(fields[submit_]);
    job.runtime_ns = runtime_ns(fields);
    const double tasks = tasks_ == kNone ? 1 : number(columns_.tasks, fields[tasks_]);
    if (tasks > 1e9 || tasks != std::trunc(tasks)) bad(columns_.tasks, fields[tasks_], "a whole number of at most 1e9");
    if (estimate_ != kNone && !fields[estimate_].empty()) {
      const double ns = number(columns_.estimate, fields[estimate_]) * static_cast<double>(columns_.estimate_unit_ns);
      if (ns > static_cast<double>(nanos(kLongest))) bad(columns_.estimate, fields[estimate_], "a shorter time");
      if (ns >= 1 && !error_) job.requested_ns = static_cast<std::int64_t>(ns + 0.5);
    }
    if (queue_ != kNone) job.queue = queue_index(fields[queue_]);
    if (error_) return;
    ++trace_.read;
    if (job.submit_ns < 0) {
      trace_.skipped["submit time negative"].add(job.line);
    } else if (job.runtime_ns <= 0) {
      trace_.skipped[job.runtime_ns == 0 ? "runtime 0" : "runtime negative"].add(job.line);
    } else if (tasks < 1) {
      trace_.skipped["no tasks"].add(job.line);
    } else {
      job.tasks = static_cast<std::uint32_t>(tasks);
      if (!trace_.jobs.empty() && job.submit_ns < latest_) trace_.remarks[std::string(kSorted)].add(job.line);
      latest_ = std::max(latest_, job.submit_ns);
      trace_.jobs.push_back(job);
    }
  }

  std::uint32_t queue_index(std::string_view name) {
    const auto [it, is_new] = queues_.emplace(name, static_cast<std::uint32_t>(trace_.queues.size()));
    if (is_new) trace_.queues.emplace_back(name);
    if (trace_.queues.size() > kMostQueues) fail(fmt::format("more than {} different queues", kMostQueues));
    return it->second;
  }

  RecordReader records_;
  CsvColumns columns_;
  std::optional<bool> plain_times_;  // submit times are numbers, and not dates
  RawTrace trace_;
  std::size_t submit_ = kNone;
  std::size_t tasks_ = kNone;
  std::size_t estimate_ = kNone;
  std::size_t queue_ = kNone;
  std::vector<std::size_t> runtime_;
  std::size_t width_ = 0;
  std::unordered_map<std::string, std::uint32_t> queues_;
  std::int64_t latest_ = 0;
  std::optional<std::string> error_;
};

}  // namespace

Result<RawTrace> read_csv(std::unique_ptr<ByteSource> bytes, std::string path, const CsvColumns& columns) {
  return CsvReader(std::move(bytes), std::move(path), columns).read();
}

}  // namespace drydock::scenarios
