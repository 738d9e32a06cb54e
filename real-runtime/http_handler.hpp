// What a server of HTTP is for.
#pragma once

#include "policies/core/time.hpp"
#include "real-runtime/http_message.hpp"

#include <cstdint>
#include <optional>

namespace drydock::runtime {

// Threads that serve requests. Those of one lane do not wait for those of another.
enum class HttpLane : std::uint8_t {
  ordinary,
  probe,    // may wait for a store
  instant,  // waits for nothing
};

// Called by several threads at once.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Before the body is read, and without waiting: the response to what must not go on. The path is as it was sent.
  [[nodiscard]] virtual std::optional<HttpResponse> refusal(const HttpRequest& request) = 0;
  // Likewise: who shall serve it.
  [[nodiscard]] virtual HttpLane lane(const HttpRequest& request) = 0;
  [[nodiscard]] virtual HttpResponse answer(const HttpRequest& request) = 0;
  // It was answered so, after this time.
  virtual void answered(const HttpRequest& request, int status, Duration took) = 0;
};

}  // namespace drydock::runtime
