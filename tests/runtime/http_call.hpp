// A client of HTTP that can also say what no client should.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace drydock::runtime {

struct HttpReply {
  int status = 0;                              // 0: there was no answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  // Of an error.
  [[nodiscard]] std::string message() const;
};

struct HttpCall {
  std::string method = "GET";
  std::string target = "/";
  std::string body{};
  std::string token{};
  std::map<std::string, std::string> headers{};
};

// `address` as HttpServer::address() has it.
[[nodiscard]] HttpReply http_call(const std::string& address, const HttpCall& call);

// Sends these bytes, and gives all that comes until the other end closes or is silent for long. `ends`: says that there is no more, as a
// client that dies does.
[[nodiscard]] std::string http_raw(const std::string& address, const std::string& bytes, bool ends = false);

// A connection on which a request is sent in parts.
class OpenCall {
 public:
  explicit OpenCall(const std::string& address);
  ~OpenCall();
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;

  void send(const std::string& bytes) const;
  // The next response, with as much of its body as comes along; none once the other end has closed.
  [[nodiscard]] HttpReply reply() const;

 private:
  int socket_;
};

[[nodiscard]] HttpReply parse_reply(const std::string& text);

}  // namespace drydock::runtime
