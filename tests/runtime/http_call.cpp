#include "tests/runtime/http_call.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace drydock::runtime {
namespace {

constexpr int kSilenceMs = 30'000;

int connected(const std::string& address) {
  if (address.starts_with("unix://")) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    address.substr(7).copy(to.sun_path, sizeof to.sun_path - 1);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return socket;
    ::close(socket);
    return -1;
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return socket;
  ::close(socket);
  return -1;
}

}  // namespace

std::string HttpReply::message() const {
  const nlohmann::json parsed = json();
  return parsed.is_object() && parsed.contains("error") ? parsed["error"].value("message", "") : body;
}

std::string http_raw(const std::string& address, const std::string& bytes, bool ends) {
  const int socket = connected(address);
  if (socket < 0) return {};
  std::size_t sent = 0;
  std::string all;
  std::array<char, 65536> buffer{};
  while (true) {
    pollfd entry{.fd = socket, .events = static_cast<short>(sent < bytes.size() ? POLLIN | POLLOUT : POLLIN), .revents = 0};
    if (::poll(&entry, 1, kSilenceMs) <= 0) break;
    if ((entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(got));
    } else if ((entry.revents & POLLOUT) != 0) {
      const ssize_t some = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (some < 0) sent = bytes.size();  // it does not listen any more, but may have said why
      else sent += static_cast<std::size_t>(some);
      if (ends && sent == bytes.size()) ::shutdown(socket, SHUT_WR);
    }
  }
  ::close(socket);
  return all;
}

OpenCall::OpenCall(const std::string& address) : socket_(connected(address)) {}
OpenCall::~OpenCall() { ::close(socket_); }

void OpenCall::send(const std::string& bytes) const {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t some = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (some <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(some));
  }
}

HttpReply OpenCall::reply() const {
  pollfd entry{.fd = socket_, .events = POLLIN, .revents = 0};
  std::array<char, 65536> buffer{};
  if (::poll(&entry, 1, kSilenceMs) <= 0) return {};
  const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
  return got > 0 ? parse_reply({buffer.data(), static_cast<std::size_t>(got)}) : HttpReply{};
}

HttpReply parse_reply(const std::string& text) {
  HttpReply reply;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) return reply;
  (void)std::from_chars(text.data() + 9, text.data() + 12, reply.status);
  if (reply.status == 100) return parse_reply(text.substr(end + 4));
  std::istringstream head(text.substr(0, end));
  std::string line;
  std::getline(head, line);
  while (std::getline(head, line)) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (line.ends_with('\r')) line.pop_back();
    reply.headers[name] = line.substr(colon + 2);
  }
  reply.body = text.substr(end + 4);
  return reply;
}

HttpReply http_call(const std::string& address, const HttpCall& call) {
  std::string text = call.method + " " + call.target + " HTTP/1.1\r\nConnection: close\r\n";
  if (!call.headers.contains("Host")) text += "Host: localhost\r\n";
  if (!call.token.empty()) text += "Authorization: Bearer " + call.token + "\r\n";
  for (const auto& [name, value] : call.headers) text += fmt::format("{}: {}\r\n", name, value);
  const bool has_length = call.headers.contains("Content-Length");
  if (!has_length && (!call.body.empty() || call.method == "POST"))
    text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  return parse_reply(http_raw(address, text + "\r\n" + call.body));
}

}  // namespace drydock::runtime
