// Requests and responses as values.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace drydock::runtime {

struct HttpRequest {
  std::string method;                            // "GET", which stands for HEAD too
  std::string path;                              // decoded, without the query
  std::map<std::string, std::string> query{};    // decoded
  std::map<std::string, std::string> headers{};  // by name in lower case
  std::string body{};
  std::string client{};  // its address; the same for all of a Unix socket
  std::string id{};      // for people who look for it in logs

  // Empty where it has none.
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? std::string() : at->second;
  }
};

struct HttpResponse {
  int status = 200;
  std::string body{};
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers{};
};

// All headers of a response but those that follow from its body and its connection.
[[nodiscard]] std::map<std::string, std::string> headers_of(const HttpRequest& request, const HttpResponse& response);

// {"error": {"status": 404, "message": "...", "request_id": "..."}}
[[nodiscard]] HttpResponse error_response(const HttpRequest& request, int status, std::string_view message);

// The same with Retry-After: a store that is away, or too many requests.
[[nodiscard]] HttpResponse later_response(const HttpRequest& request, int status, std::string_view message, long seconds);

// "X-Request-Id" as the client gave it where that is fit to be repeated, else a new one.
[[nodiscard]] std::string request_id(const std::string& given);

}  // namespace drydock::runtime
