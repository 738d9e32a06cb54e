#include "policies/ports/worker_text_quick.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <utility>
#include <variant>

namespace drydock {

namespace {

bool is_plain(char c) { return c >= ' ' && c <= '~'; }

void append_quoted(fmt::memory_buffer& out, std::string_view plain) {
  out.push_back('"');
  for (const char c : plain) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_id(fmt::memory_buffer& out, const char* kind, AttemptId attempt) {
  fmt::format_to(std::back_inserter(out), R"("{}":{{"attempt":{},"job":{}}})", kind, attempt.number, attempt.job.value);
}

void append_run(fmt::memory_buffer& out, const RunAttempt& run) {
  fmt::format_to(std::back_inserter(out),
                 R"("run":{{"attempt":{},"cpus_milli":{},"gpus":{},"job":{},"memory_bytes":{},"payload":)",
                 run.attempt.number, run.held.cpus(), run.held.gpus(), run.attempt.job.value, run.held.memory());
  append_quoted(out, run.payload);
  fmt::format_to(std::back_inserter(out), R"(,"progress_ns":{},"slots":{},"tasks":{}}})", nanos(run.progress),
                 run.held.slots(), run.tasks);
}

// Goes through a text that is as expected; once it is not, everything fails.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}

  Scan& skip(std::string_view literal) {
    good_ = good_ && rest_.starts_with(literal);
    if (good_) rest_.remove_prefix(literal.size());
    return *this;
  }
  [[nodiscard]] bool next_is(std::string_view literal) const { return good_ && rest_.starts_with(literal); }

  // A whole number of JSON from `least` on, which the general reader takes as well.
  template <std::integral Number>
  Scan& number(Number& value, std::int64_t least = 0) {
    std::int64_t read = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), read);
    const auto length = static_cast<std::size_t>(end - rest_.data());
    good_ = good_ && error == std::errc{} && !(length > 1 && rest_.front() == '0') && rest_.front() != '-' &&
            read >= least && std::in_range<Number>(read);
    if (!good_) return *this;
    value = static_cast<Number>(read);
    rest_.remove_prefix(length);
    return *this;
  }
  Scan& attempt(AttemptId& id) { return number(id.number, 1).skip(R"(,"job":)").number(id.job.value); }
  Scan& text(std::string& value) {
    std::size_t end = 0;
    while (good_ && end < rest_.size() && rest_[end] != '"') {
      const bool escaped = rest_[end] == '\\';
      if (escaped) ++end;
      good_ = end < rest_.size() && (escaped ? rest_[end] == '"' || rest_[end] == '\\' : is_plain(rest_[end]));
      if (good_) value.push_back(rest_[end++]);
    }
    good_ = good_ && end < rest_.size();
    if (good_) rest_.remove_prefix(end);
    return *this;
  }
  [[nodiscard]] bool ends() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string quick_json(const AttemptReport& report) {
  return fmt::format(R"({{"attempt":{},"incarnation":{},"job":{},"progress_ns":{},"report":"{}","worker":{}}})",
                     report.attempt.number, report.incarnation, report.attempt.job.value, nanos(report.progress),
                     kReportKinds[static_cast<std::size_t>(report.kind)], report.worker.value);
}

std::optional<std::string> quick_json(const WorkerMail& mail) {
  fmt::memory_buffer out;
  fmt::format_to(std::back_inserter(out), R"({{"epoch":{},"incarnation":{},)", mail.epoch, mail.incarnation);
  if (const auto* run = std::get_if<RunAttempt>(&mail.body)) {
    if (!std::ranges::all_of(run->payload, is_plain)) return std::nullopt;
    append_run(out, *run);
  } else if (const auto* stop = std::get_if<StopRun>(&mail.body)) {
    append_id(out, "stop", stop->attempt);
  } else if (const auto* taken = std::get_if<ReportTaken>(&mail.body)) {
    append_id(out, "taken", taken->attempt);
  } else {
    return std::nullopt;
  }
  out.push_back('}');
  return fmt::to_string(out);
}

std::optional<AttemptReport> quick_report(std::string_view text) {
  AttemptReport report;
  std::int64_t progress = 0;
  Scan scan(text);
  scan.skip(R"({"attempt":)").number(report.attempt.number, 1);
  scan.skip(R"(,"incarnation":)").number(report.incarnation, 1);
  scan.skip(R"(,"job":)").number(report.attempt.job.value);
  scan.skip(R"(,"progress_ns":)").number(progress);
  scan.skip(R"(,"report":")");
  const auto kind = std::ranges::find_if(kReportKinds, [&](std::string_view name) { return scan.next_is(name); });
  if (kind == kReportKinds.end()) return std::nullopt;
  scan.skip(*kind).skip(R"(","worker":)").number(report.worker.value).skip("}");
  if (!scan.ends()) return std::nullopt;
  report.kind = static_cast<ReportKind>(kind - kReportKinds.begin());
  report.progress = Duration{progress};
  return report;
}

std::optional<WorkerMail> quick_mail(std::string_view text) {
  WorkerMail mail;
  Scan scan(text);
  scan.skip(R"({"epoch":)").number(mail.epoch).skip(R"(,"incarnation":)").number(mail.incarnation);
  if (scan.next_is(R"(,"taken":)")) {
    ReportTaken taken;
    scan.skip(R"(,"taken":{"attempt":)").attempt(taken.attempt).skip("}}");
    mail.body = taken;
  } else if (scan.next_is(R"(,"stop":)")) {
    StopRun stop;
    scan.skip(R"(,"stop":{"attempt":)").attempt(stop.attempt).skip("}}");
    mail.body = stop;
  } else {
    RunAttempt run;
    ResourceAmounts held;
    std::int64_t progress = 0;
    scan.skip(R"(,"run":{"attempt":)").number(run.attempt.number, 1);
    scan.skip(R"(,"cpus_milli":)").number(held.cpus_milli).skip(R"(,"gpus":)").number(held.gpus);
    scan.skip(R"(,"job":)").number(run.attempt.job.value);
    scan.skip(R"(,"memory_bytes":)").number(held.memory_bytes);
    scan.skip(R"(,"payload":")").text(run.payload);
    scan.skip(R"(","progress_ns":)").number(progress);
    scan.skip(R"(,"slots":)").number(held.slots, 1).skip(R"(,"tasks":)").number(run.tasks, 1).skip("}}");
    if (!scan.ends()) return std::nullopt;
    run.held = make_resources(held);
    run.progress = Duration{progress};
    mail.body = std::move(run);
  }
  if (!scan.ends()) return std::nullopt;
  return mail;
}

}  // namespace drydock
