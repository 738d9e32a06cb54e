// Typed reading of a document. The first error is kept and everything after it yields defaults, so that code which reads can
// go straight on and look once, at the end.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"
#include "scenarios/document.hpp"
#include "scenarios/units.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::scenarios {

// Collects the first error of one document.
class Diagnostics {
 public:
  // `context` is put behind each message: "in variant x".
  explicit Diagnostics(const Document& document, std::string context = "")
      : document_(document), context_(std::move(context)) {}

  void fail(const std::string& pointer, std::string_view message);
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  [[nodiscard]] Error error() const { return Error{error_.value_or("")}; }

  // Every duration that is read is divided by this, every rate multiplied with it; limits of what may be written hold for what is.
  [[nodiscard]] double time_scale() const { return time_scale_; }
  void set_time_scale(double scale) { time_scale_ = scale; }
  // Never 0 where it was not.
  [[nodiscard]] Duration scaled(Duration duration) const;

 private:
  const Document& document_;
  std::string context_;
  std::optional<std::string> error_;
  double time_scale_ = 1;
};

// While it lives, durations are read as they are written: what stores, networks and files do takes as long as it takes.
class AsWritten {
 public:
  explicit AsWritten(Diagnostics& diagnostics) : diagnostics_(diagnostics), scale_(diagnostics.time_scale()) {
    diagnostics.set_time_scale(1);
  }
  ~AsWritten() { diagnostics_.set_time_scale(scale_); }
  AsWritten(const AsWritten&) = delete;
  AsWritten& operator=(const AsWritten&) = delete;

 private:
  Diagnostics& diagnostics_;
  double scale_;
};

// The keys that an object may have; `definition` is its name in the schema.
struct ObjectKeys {
  std::string_view definition;
  std::span<const std::string_view> keys;
};

struct CountRange {
  std::int64_t low = 0;
  std::int64_t high = std::numeric_limits<std::int32_t>::max();
};
struct NumberRange {
  double low = 0;
  double high = 1e15;
  bool open = false;  // `low` itself is not allowed
};

// A value and where it is.
class Node {
 public:
  Node(const Json& value, std::string pointer, Diagnostics& diagnostics)
      : value_(&value), pointer_(std::move(pointer)), diagnostics_(&diagnostics) {}

  [[nodiscard]] const Json& json() const { return *value_; }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] Diagnostics& diagnostics() const { return *diagnostics_; }
  void fail(std::string_view message) const { diagnostics_->fail(pointer_, message); }
  // Fails with "expected ..., found ...".
  void expected(std::string_view what) const;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string word(std::span<const std::string_view> choices) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t count(CountRange range = {}) const;
  [[nodiscard]] double number(NumberRange range = {}) const;
  [[nodiscard]] Duration duration(Duration low = Duration{0}, Duration high = kLongest) const;
  [[nodiscard]] std::int64_t size() const;
  [[nodiscard]] double rate() const;       // 1/s, > 0
  [[nodiscard]] double bandwidth() const;  // bytes/s, > 0
  [[nodiscard]] double percent() const;
  [[nodiscard]] std::vector<Node> items() const;  // of an array
  [[nodiscard]] std::vector<std::string> texts() const;
  [[nodiscard]] Node member(std::string_view key) const;  // of an object: null if it is not there

 private:
  const Json* value_;
  std::string pointer_;
  Diagnostics* diagnostics_;
};

// An object all of whose keys are known.
class ObjectReader {
 public:
  ObjectReader(const Node& node, const ObjectKeys& keys);

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] bool has(std::string_view key) const { return node_.json().is_object() && node_.json().contains(key); }
  // Fails if it is not there.
  [[nodiscard]] Node require(std::string_view key) const;
  [[nodiscard]] std::optional<Node> find(std::string_view key) const;

  [[nodiscard]] std::string text(std::string_view key, std::string fallback = "") const;
  [[nodiscard]] bool boolean(std::string_view key, bool fallback) const;
  [[nodiscard]] std::int64_t count(std::string_view key, std::int64_t fallback, CountRange range = {}) const;
  [[nodiscard]] double number(std::string_view key, double fallback, NumberRange range = {}) const;
  // The fallback is divided by the time scale, too.
  [[nodiscard]] Duration duration(std::string_view key, Duration fallback, Duration low = Duration{0}) const;
  [[nodiscard]] std::int64_t size(std::string_view key, std::int64_t fallback) const;
  // Index into `choices` of the word at `key`.
  [[nodiscard]] std::size_t choice(std::string_view key, std::span<const std::string_view> choices,
                                   std::size_t fallback) const;

 private:
  Node node_;
  const ObjectKeys& keys_;
};

}  // namespace drydock::scenarios
