// The common messages in the one form that to_json() gives them, read without a general reader of JSON: it costs a tenth. What looks
// different, or is wrong, is none of these; the general reader says what it is.
#pragma once

#include "policies/core/worker_messages.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace drydock {

// What reports say, in the order of ReportKind.
inline constexpr std::array<std::string_view, 5> kReportKinds{"accepted", "succeeded", "failed", "stopped", "declined"};

[[nodiscard]] std::string quick_json(const AttemptReport& report);
// RunAttempt with a payload of printable ASCII, StopRun and ReportTaken.
[[nodiscard]] std::optional<std::string> quick_json(const WorkerMail& mail);

[[nodiscard]] std::optional<AttemptReport> quick_report(std::string_view text);
[[nodiscard]] std::optional<WorkerMail> quick_mail(std::string_view text);

}  // namespace drydock
