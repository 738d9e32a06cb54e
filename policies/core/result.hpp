// Operating errors as values: a T, or a message for people that says what is wrong, where, and what to do.
#pragma once

#include "policies/core/assert.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace drydock {

struct Error {
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & {
    require_ok();
    return std::get<0>(state_);
  }
  [[nodiscard]] const T& value() const& {
    require_ok();
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    require_ok();
    return std::get<0>(std::move(state_));
  }
  [[nodiscard]] const Error& error() const {
    DRYDOCK_CHECK(!ok(), "the result holds a value");
    return std::get<1>(state_);
  }

 private:
  void require_ok() const { DRYDOCK_CHECK(ok(), "the result holds an error"); }
  std::variant<T, Error> state_;
};

}  // namespace drydock
