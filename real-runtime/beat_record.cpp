#include "real-runtime/beat_record.hpp"

#include <charconv>
#include <string_view>

namespace drydock::runtime {

namespace {

// "{1,2,3}", without nulls.
std::optional<std::vector<std::int64_t>> numbers_in_array(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::int64_t> numbers;
  while (!text.empty()) {
    const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), numbers.emplace_back());
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
    if (text.empty()) break;
    if (text.front() != ',' || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
  }
  return numbers;
}

}  // namespace

PostgresCall encode_beat(const postgres::Fence& fence, const std::vector<std::string>& jobs,
                         const std::vector<std::string>& queues) {
  return {
      PostgresStatement::lead_beat, {}, {fence.lease, std::to_string(fence.epoch), text_array(jobs), text_array(queues)}};
}

std::optional<BeatRecord> beat_record_in(const std::vector<std::string>& row) {
  constexpr std::size_t kFields = 6;
  if (row.size() != kFields) return std::nullopt;
  BeatRecord record;
  const auto [end, error] = std::from_chars(row[0].data(), row[0].data() + row[0].size(), record.now_us);
  if (error != std::errc{} || end != row[0].data() + row[0].size()) return std::nullopt;
  const auto since = numbers_in_array(row[1]);
  const auto due = numbers_in_array(row[2]);
  const auto job = numbers_in_array(row[3]);
  const auto waits = numbers_in_array(row[4]);
  const auto queues = numbers_in_array(row[5]);
  if (!since || !due || !job || !waits || !queues) return std::nullopt;
  if (due->size() != since->size() || job->size() != since->size() || waits->size() != since->size()) return std::nullopt;
  for (std::size_t j = 0; j < since->size(); ++j) {
    record.jobs.push_back({.known_since_us = (*since)[j],
                           .last_due_ns = (*due)[j] < 0 ? std::nullopt : std::optional((*due)[j]),
                           .last_job = JobId{static_cast<std::uint64_t>((*job)[j])},
                           .waits = (*waits)[j] != 0});
  }
  for (const std::int64_t queue : *queues) record.queues.push_back(static_cast<std::uint32_t>(queue));
  return record;
}

}  // namespace drydock::runtime
