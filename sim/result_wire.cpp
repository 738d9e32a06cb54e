#include "sim/result_wire.hpp"

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace drydock::sim {
namespace {

class Encoder {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  void put(T value) {
    const auto at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void put(const std::string& text) {
    put(std::uint64_t{text.size()});
    bytes_ += text;
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After a read past the end, ok() is false and every value is empty.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  void get(T& value) {
    value = T{};
    if (!take(sizeof value)) return;
    std::memcpy(&value, taken_.data(), sizeof value);
  }
  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    value = byte != 0;
  }
  void get(std::string& text) {
    std::uint64_t size = 0;
    get(size);
    if (take(size)) text.assign(taken_);
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

 private:
  bool take(std::uint64_t count) {
    ok_ = ok_ && count <= rest_.size();
    if (!ok_) return false;
    taken_ = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return true;
  }
  std::string_view rest_;
  std::string_view taken_;
  bool ok_ = true;
};

}  // namespace

std::string encode_result(const reports::RunResult& result) {
  Encoder out;
  out.put(result.variant);
  out.put(result.seed);
  out.put(std::uint64_t{result.metrics.size()});
  for (const auto& [name, value] : result.metrics) {
    out.put(name);
    out.put(value);
  }
  out.put(std::uint64_t{result.distributions.size()});
  for (const auto& [name, distribution] : result.distributions) {
    out.put(name);
    out.put(std::uint64_t{distribution.at.size()});
    for (const double value : distribution.at) out.put(value);
    for (const std::uint64_t count : distribution.up_to) out.put(count);
  }
  out.put(static_cast<std::uint8_t>(result.checked));
  out.put(std::uint64_t{result.violations.size()});
  for (const Violation& violation : result.violations) {
    out.put(violation.invariant);
    out.put(nanos(violation.at));
    out.put(violation.what);
  }
  out.put(result.violation_count);
  out.put(result.journal_hash);
  out.put(result.steps);
  out.put(static_cast<std::uint8_t>(result.partial));
  out.put(result.cpu_s);
  out.put(result.peak_rss_bytes);
  out.put(static_cast<std::uint8_t>(result.error.has_value()));
  out.put(result.error.value_or(""));
  const auto settling = result.settling.value_or(reports::RunResult::Settling{});
  out.put(static_cast<std::uint8_t>(result.settling.has_value()));
  out.put(settling.deleted);
  out.put(static_cast<std::uint8_t>(settling.settled));
  return out.take();
}

std::optional<reports::RunResult> decode_result(std::string_view bytes) {
  Decoder in(bytes);
  reports::RunResult result;
  in.get(result.variant);
  in.get(result.seed);
  std::uint64_t count = 0;
  in.get(count);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name;
    in.get(name);
    in.get(result.metrics[name]);
  }
  in.get(count);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name;
    in.get(name);
    reports::Distribution& distribution = result.distributions[name];
    std::uint64_t points = 0;
    in.get(points);
    for (std::uint64_t k = 0; k < points && in.ok(); ++k) in.get(distribution.at.emplace_back());
    for (std::uint64_t k = 0; k < points && in.ok(); ++k) in.get(distribution.up_to.emplace_back());
  }
  in.get(result.checked);
  in.get(count);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Violation& violation = result.violations.emplace_back();
    std::int64_t at = 0;
    in.get(violation.invariant);
    in.get(at);
    violation.at = time_at(at);
    in.get(violation.what);
  }
  in.get(result.violation_count);
  in.get(result.journal_hash);
  in.get(result.steps);
  in.get(result.partial);
  in.get(result.cpu_s);
  in.get(result.peak_rss_bytes);
  bool failed = false;
  in.get(failed);
  std::string error;
  in.get(error);
  if (failed) result.error = std::move(error);
  bool has_settling = false;
  reports::RunResult::Settling settling;
  in.get(has_settling);
  in.get(settling.deleted);
  in.get(settling.settled);
  if (has_settling) result.settling = settling;
  if (!in.at_end()) return std::nullopt;
  return result;
}

}  // namespace drydock::sim
