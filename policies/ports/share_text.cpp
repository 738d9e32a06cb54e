#include "policies/ports/share_text.hpp"

#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace drydock {

namespace {

using nlohmann::json;

constexpr std::int64_t kMostNumber = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMost32 = std::numeric_limits<std::uint32_t>::max();

json written_share(const Share& share) {
  return json::array({share.concurrency, share.requests_per_minute, share.tokens_per_minute});
}

json written_report(const WorkerReport& report) {
  return {{"worker", report.worker.value},
          {"weight", report.weight},
          {"active", report.active},
          {"active_tasks", report.active_tasks},
          {"load", written_share(report.load)}};
}

// Reads the parts of a state; the first that is missing or wrong is noted.
class LedgerReader {
 public:
  std::int64_t number(const json& object, const char* key, std::int64_t least, std::int64_t most) {
    const json* value = member(object, key);
    if (value == nullptr) return least;
    const bool fits = value->is_number_integer() && (!value->is_number_unsigned() ||
                                                     value->get<std::uint64_t>() <= static_cast<std::uint64_t>(kMostNumber));
    if (!fits || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
      note(fmt::format("\"{}\" is not a whole number from {} to {}", key, least, most));
      return least;
    }
    return value->get<std::int64_t>();
  }
  Time time(const json& object, const char* key) {
    return time_at(number(object, key, std::numeric_limits<std::int64_t>::min(), kMostNumber));
  }
  Share share(const json& object, const char* key) {
    const json* value = member(object, key);
    Share share;
    if (value == nullptr) return share;
    if (!value->is_array() || value->size() != kShareParts.size()) {
      note(fmt::format("\"{}\" is not a list of three numbers", key));
      return share;
    }
    for (std::size_t i = 0; i < kShareParts.size(); ++i) {
      const json& part = (*value)[i];
      const bool fits = part.is_number_unsigned() && part.get<std::uint64_t>() <= static_cast<std::uint64_t>(kNoLimit);
      if (fits) share.*kShareParts[i] = part.get<std::int64_t>();
      else note(fmt::format("\"{}\" has a part that is not a whole number from 0 to {}", key, kNoLimit));
    }
    return share;
  }
  WorkerReport report(const json& entry) {
    const json* object = member(entry, "report");
    WorkerReport report;
    if (object == nullptr) return report;
    report.worker = WorkerId{static_cast<std::uint32_t>(number(*object, "worker", 0, kMost32))};
    report.weight = number(*object, "weight", 1, kLargestWeight);
    report.active_tasks = number(*object, "active_tasks", 0, kMostNumber);
    report.load = share(*object, "load");
    const json* active = member(*object, "active");
    if (active != nullptr && active->is_boolean()) report.active = active->get<bool>();
    else note("\"active\" is neither true nor false");
    return report;
  }
  const json& list(const json& object, const char* key) {
    static const json kNone = json::array();
    const json* value = member(object, key);
    if (value != nullptr && value->is_array()) return *value;
    note(fmt::format("\"{}\" is not a list", key));
    return kNone;
  }
  std::uint64_t identity(const json& object) {
    const json* value = member(object, "store");
    std::uint64_t identity = 0;
    const bool is_text = value != nullptr && value->is_string();
    const std::string text = is_text ? value->get<std::string>() : std::string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), identity);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
      note("\"store\" is not a number in a text");
    return identity;
  }
  void note(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  const json* member(const json& object, const char* key) {
    if (!object.is_object() || !object.contains(key)) {
      note(fmt::format("\"{}\" is missing", key));
      return nullptr;
    }
    return &object.at(key);
  }
  std::string problem_;
};

void read_holders(LedgerReader& reader, const json& document, ShareLedgerState& state) {
  for (const json& entry : reader.list(document, "holders")) {
    ShareHolder holder;
    holder.report = reader.report(entry);
    holder.worker = holder.report.worker;
    holder.incarnation = static_cast<std::uint32_t>(reader.number(entry, "incarnation", 0, kMost32));
    holder.number = RequestId{static_cast<std::uint64_t>(reader.number(entry, "number", 0, kMostNumber))};
    holder.granted = reader.share(entry, "granted");
    holder.held = reader.share(entry, "held");
    holder.until = reader.time(entry, "until_ns");
    const auto key = [](const ShareHolder& h) { return std::pair(h.worker, h.incarnation); };
    if (!state.holders.empty() && key(state.holders.back()) >= key(holder)) reader.note("\"holders\" are not in order");
    state.holders.push_back(holder);
  }
}

void read_published(LedgerReader& reader, const json& document, ShareLedgerState& state) {
  for (const json& entry : reader.list(document, "published")) {
    const ShareLedgerState::Published published{reader.report(entry), reader.time(entry, "at_ns")};
    const bool in_order = state.published.empty() || state.published.back().report.worker < published.report.worker;
    if (!in_order) reader.note("\"published\" are not in order");
    state.published.push_back(published);
  }
}

}  // namespace

std::string to_json(const ShareLedgerState& state) {
  json holders = json::array();
  for (const ShareHolder& holder : state.holders) {
    holders.push_back({{"incarnation", holder.incarnation},
                       {"number", holder.number.value},
                       {"granted", written_share(holder.granted)},
                       {"held", written_share(holder.held)},
                       {"until_ns", nanos(holder.until)},
                       {"report", written_report(holder.report)}});
  }
  json published = json::array();
  for (const auto& entry : state.published) {
    published.push_back({{"at_ns", nanos(entry.at)}, {"report", written_report(entry.report)}});
  }
  return json{{"version", 1},
              {"store", std::to_string(state.store.value)},
              {"latest_ns", nanos(state.latest)},
              {"closed_until_ns", nanos(state.closed_until)},
              {"holders", std::move(holders)},
              {"published", std::move(published)}}
      .dump();
}

Result<ShareLedgerState> parse_ledger(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded() || !document.is_object()) return Error{"not a JSON object"};
  LedgerReader reader;
  ShareLedgerState state;
  (void)reader.number(document, "version", 1, 1);
  state.store = StoreIdentity{reader.identity(document)};
  state.latest = reader.time(document, "latest_ns");
  state.closed_until = reader.time(document, "closed_until_ns");
  read_holders(reader, document, state);
  read_published(reader, document, state);
  if (!reader.problem().empty()) return Error{reader.problem()};
  return state;
}

// FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
StoreIdentity store_identity(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return StoreIdentity{hash == 0 ? 1 : hash};
}

Result<LedgerTurn> take_turn(const ShareLimits& limits, const SharePolicy& policy, const std::optional<std::string>& text,
                             Time now, StoreIdentity store, const LedgerOperation& operation) {
  ShareLedgerState state;
  if (text) {
    auto parsed = parse_ledger(*text);
    if (!parsed) return parsed.error();
    state = std::move(parsed).value();
  }
  ShareLedger ledger(limits, policy, std::move(state));
  LedgerTurn turn{.reply = ledger.apply(now, store, operation)};
  if (!std::holds_alternative<ReadReports>(operation)) turn.state = to_json(ledger.state());
  return turn;
}

}  // namespace drydock
