// The Standard Workload Format of the Parallel Workloads Archive (Chapin et al., JSSPP 1999; version 2.2 of 2006): 18
// numbers a line, -1 for what is unknown, ";" before headers and comments.
#include "scenarios/trace.hpp"
#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <unordered_map>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kColumns = 18;
constexpr std::int64_t kNanosInSecond = 1'000'000'000;
enum Column : std::size_t { kSubmit = 1, kRuntime = 3, kAllocated = 4, kRequested = 7, kRequestedTime = 8, kQueue = 14 };

// A number as read: whole ones are the rule, and parsed on the way.
struct Field {
  std::string_view text;
  std::int64_t whole = 0;
  bool is_whole = true;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Takes the next field off the front of `rest`; false when it is no number.
bool take_field(std::string_view& rest, Field& field) {
  const char* at = rest.data();
  const char* const end = at + rest.size();
  const char* const begin = at;
  const bool negative = *at == '-';
  if (negative) ++at;
  std::int64_t whole = 0;
  // 18 digits cannot overflow.
  const char* const most = end - at > 18 ? at + 18 : end;
  const char* const digits = at;
  while (at != most && static_cast<unsigned char>(*at - '0') < 10) whole = whole * 10 + (*at++ - '0');
  if (at != digits && (at == end || is_blank(*at))) {
    field = {{begin, static_cast<std::size_t>(at - begin)}, negative ? -whole : whole, true};
    rest.remove_prefix(static_cast<std::size_t>(at - begin));
    return true;
  }
  while (at != end && !is_blank(*at)) ++at;
  field = {{begin, static_cast<std::size_t>(at - begin)}, 0, false};
  rest.remove_prefix(field.text.size());
  std::int64_t unused = 0;
  return decimal_to_nanos(field.text, 1, unused);
}

class SwfReader {
 public:
  SwfReader(std::unique_ptr<ByteSource> bytes, std::string path) : lines_(std::move(bytes)) {
    trace_.path = std::move(path);
  }

  Result<RawTrace> read() {
    std::string_view line;
    while (!error_ && lines_.next(line)) read_line(line);
    if (lines_.error()) return Error{fmt::format("{}: {}", trace_.path, *lines_.error())};
    if (error_) return Error{*error_};
    if (trace_.read == 0)
      return Error{fmt::format("{}: holds no jobs: expected lines of {} numbers (SWF)", trace_.path, kColumns)};
    sort();
    return std::move(trace_);
  }

 private:
  void fail(const std::string& why) { error_ = fmt::format("{}:{}: {}", trace_.path, lines_.line_number(), why); }

  void read_line(std::string_view line) {
    std::size_t begin = 0;
    while (begin < line.size() && is_blank(line[begin])) ++begin;
    if (begin == line.size()) return;
    if (line[begin] == ';') {
      read_header(line.substr(begin + 1));
    } else if (read_fields(line.substr(begin))) {
      read_job();
    }
  }

  // "; MaxProcs: 128". Other comments are no business of ours.
  void read_header(std::string_view text) {
    constexpr std::array<std::string_view, 8> kKept{"Version", "Computer",      "MaxProcs",       "MaxNodes",
                                                    "MaxJobs", "UnixStartTime", "TimeZoneString", "Installation"};
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view key = text.substr(0, colon);
    if (std::ranges::find(kKept, key) == kKept.end()) return;
    std::string_view value = text.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    trace_.header.emplace(key, printable(value));
  }

  bool read_fields(std::string_view rest) {
    std::size_t column = 0;
    while (!rest.empty() && rest.front() != ';') {
      if (column == kColumns) {
        trace_.remarks["extra columns, not used"].add(lines_.line_number());
        return true;
      }
      if (!take_field(rest, fields_[column])) {
        fail(fmt::format("column {} is \"{}\": expected a number of at most 18 digits (-1 for what is unknown)", column + 1,
                         printable(fields_[column].text, 40)));
        return false;
      }
      ++column;
      std::size_t blanks = 0;
      while (blanks < rest.size() && is_blank(rest[blanks])) ++blanks;
      rest.remove_prefix(blanks);
    }
    if (column < kColumns) {
      fail(fmt::format("has {} columns: a line of a Standard Workload Format file has {}", column, kColumns));
      return false;
    }
    return true;
  }

  // A time in seconds as nanoseconds. -1 for what is unknown.
  std::int64_t time_ns(Column column) {
    const Field& field = fields_[column];
    std::int64_t ns = 0;
    const bool fits = field.is_whole ? !__builtin_mul_overflow(field.whole, kNanosInSecond, &ns)
                                     : decimal_to_nanos(field.text, kNanosInSecond, ns);
    if (!fits || ns > nanos(kLongest)) {
      fail(fmt::format("column {} is \"{}\": a time of at most {} s is allowed", column + 1, printable(field.text, 40),
                       nanos(kLongest) / kNanosInSecond));
      return -1;
    }
    return ns < 0 ? -1 : ns;
  }

  std::int64_t whole(Column column, std::int64_t most) {
    const Field& field = fields_[column];
    std::int64_t value = field.whole;
    if (!field.is_whole) {
      std::int64_t thousandths = 0;
      const bool good = decimal_to_nanos(field.text, 1000, thousandths) && thousandths % 1000 == 0;
      value = good ? thousandths / 1000 : most + 1;
    }
    if (value > most) {
      fail(fmt::format("column {} is \"{}\": a whole number of at most {} is allowed", column + 1, printable(field.text, 40),
                       most));
      return -1;
    }
    return value;
  }

  void read_job() {
    constexpr std::int64_t kMostProcessors = 1'000'000'000;
    const std::uint64_t line = lines_.line_number();
    RawJob job;
    job.line = line;
    job.submit_ns = time_ns(kSubmit);
    job.runtime_ns = time_ns(kRuntime);
    job.requested_ns = time_ns(kRequestedTime);
    const std::int64_t requested = whole(kRequested, kMostProcessors);
    const std::int64_t allocated = whole(kAllocated, kMostProcessors);
    const std::int64_t queue = whole(kQueue, std::numeric_limits<std::int32_t>::max());
    if (error_) return;
    ++trace_.read;
    if (job.requested_ns == 0) job.requested_ns = -1;
    const std::int64_t processors = requested > 0 ? requested : allocated;
    if (job.submit_ns < 0) {
      trace_.skipped["submit time unknown or negative"].add(line);
    } else if (job.runtime_ns <= 0) {
      trace_.skipped[job.runtime_ns == 0 ? "runtime 0" : "runtime unknown or negative"].add(line);
    } else if (processors <= 0) {
      trace_.skipped["no number of processors, neither requested nor allocated"].add(line);
    } else {
      if (requested <= 0) ++from_allocated_;
      job.tasks = static_cast<std::uint32_t>(processors);
      job.queue = queue_index(queue);
      if (!trace_.jobs.empty() && job.submit_ns < latest_)
        trace_.remarks["submitted before an earlier line; sorted"].add(line);
      latest_ = std::max(latest_, job.submit_ns);
      trace_.jobs.push_back(job);
    }
  }

  std::uint32_t queue_index(std::int64_t number) {
    if (number == last_queue_ && !trace_.queues.empty()) return last_index_;
    const auto [it, is_new] = queues_.emplace(number, static_cast<std::uint32_t>(trace_.queues.size()));
    if (is_new) trace_.queues.push_back(std::to_string(number));
    last_queue_ = number;
    return last_index_ = it->second;
  }

  void sort() {
    if (from_allocated_ > 0) trace_.remarks["requested processors unknown; allocated ones used"].count = from_allocated_;
    if (!trace_.remarks.contains("submitted before an earlier line; sorted")) return;
    std::ranges::stable_sort(trace_.jobs, {}, &RawJob::submit_ns);
  }

  LineReader lines_;
  RawTrace trace_;
  std::array<Field, kColumns> fields_;
  std::unordered_map<std::int64_t, std::uint32_t> queues_;
  std::int64_t last_queue_ = 0;
  std::uint32_t last_index_ = 0;
  std::int64_t latest_ = 0;
  std::uint64_t from_allocated_ = 0;
  std::optional<std::string> error_;
};

}  // namespace

Result<RawTrace> read_swf(std::unique_ptr<ByteSource> bytes, std::string path) {
  return SwfReader(std::move(bytes), std::move(path)).read();
}

}  // namespace drydock::scenarios
