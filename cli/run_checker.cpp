#include "cli/run_checker.hpp"

#include "real-runtime/job_payload.hpp"

#include <string_view>
#include <variant>

namespace drydock::cli {

std::optional<std::string> problem_with_run(const std::string& json) {
  const auto payload = runtime::parse_payload(json);
  if (!payload) {
    constexpr std::string_view kPrefix = "the payload of the job: ";
    std::string message = payload.error().message;
    if (message.starts_with(kPrefix)) message.erase(0, kPrefix.size());
    return message;
  }
  if (std::holds_alternative<runtime::SleepPayload>(payload.value().what))
    return "it is a command, script or container: without \"run\" its jobs sleep as long as \"duration\" says";
  return std::nullopt;
}

}  // namespace drydock::cli
