#include "policies/session.hpp"

#include "policies/built_in.hpp"

namespace drydock {

BuiltInSession oblivious_session_policy() {
  return {.info = {.family = PolicyFamily::session,
                   .type = "oblivious",
                   .summary = "Jobs start on a node however soon its session ends",
                   .details =
                       "What still runs when the session ends is lost up to what on_failure saves. A job of length L that "
                       "starts at a random moment of a session of length S is lost with probability L/S, and wastes "
                       "L^2/(2S) on average.",
                   .source = "What schedulers do that do not know of sessions",
                   .parameters = {}},
          .margin = [](const PolicyConfig& /*config*/) -> std::optional<Duration> { return std::nullopt; }};
}

BuiltInSession fitting_session_policy() {
  return {.info = {.family = PolicyFamily::session,
                   .type = "fitting",
                   .summary = "A job starts on a node only if it will end before the node's session",
                   .details = "By its estimate and the node's speed. A worker says when it registers until when its session "
                              "may last. A job that fits in no session is never started. Nodes then idle towards the end of "
                              "their sessions: idle_stop of their sessions saves that time for a later one.",
                   .source = "Backfilling before a drain of the machine, as batch systems do",
                   .parameters = {{.name = "margin",
                                   .default_value = Duration{0},
                                   .help = "time that must be left of the session at the job's estimated end",
                                   .minimum = 0}}},
          .margin = [](const PolicyConfig& config) -> std::optional<Duration> { return config.get<Duration>("margin"); }};
}

}  // namespace drydock
