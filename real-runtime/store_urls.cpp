#include "real-runtime/store_urls.hpp"

#include <charconv>
#include <libpq-fe.h>
#include <optional>

namespace drydock::runtime {

namespace {

constexpr std::string_view kRedisForms = "expected redis://[user:password@]host[:port][/database] or unix:///path";

template <class Number>
std::optional<Number> whole(std::string_view text, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

// With what %xx stands for; nothing where that is no number.
std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size() || std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr != &text[i + 1] + 2) {
      return std::nullopt;
    }
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

// Takes what stands before `separator` off the front; nothing if it is not there.
std::optional<std::string_view> cut(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(at + separator.size());
  return front;
}

bool read_database(std::string_view text, RedisAddress& address) {
  const auto number = whole<int>(text, 1'000'000);
  address.database = number.value_or(0);
  return number.has_value();
}

// "user:password", "user" or ":password"
bool read_login(std::string_view text, RedisAddress& address) {
  const std::size_t colon = text.find(':');
  const auto user = unescaped(text.substr(0, colon));
  const auto password = unescaped(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (!user || !password) return false;
  address.user = *user;
  address.password = *password;
  return true;
}

// "host", "host:port", "[::1]:port"
bool read_host(std::string_view text, RedisAddress& address) {
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    const auto host = cut(text, "]");
    if (!host) return false;
    address.host = *host;
  } else {
    address.host = text.substr(0, text.find(':'));
    text.remove_prefix(address.host.size());
  }
  if (address.host.empty()) return false;
  if (text.empty()) return true;
  const auto port = text.starts_with(':') ? whole<int>(text.substr(1), 65535) : std::nullopt;
  address.port = port.value_or(0);
  return address.port > 0;
}

}  // namespace

Result<RedisAddress> parse_redis_url(std::string_view url) {
  RedisAddress address;
  const Error wrong{"this is no address of a Redis: " + std::string(kRedisForms)};
  if (url.starts_with("rediss://")) {
    return Error{"Redis over TLS goes through a local tunnel (such as stunnel): give the address of that, without TLS"};
  }
  if (url.starts_with("unix://")) url.remove_prefix(std::string_view("unix://").size());
  if (url.starts_with('/')) {
    const auto path = cut(url, "?db=");
    if (path && !read_database(url, address)) return wrong;
    address.unix_socket = path.value_or(url);
    return address;
  }
  if (!url.starts_with("redis://")) return wrong;
  url.remove_prefix(std::string_view("redis://").size());
  const std::size_t at = url.rfind('@');
  if (at != std::string_view::npos) {
    if (!read_login(url.substr(0, at), address)) return wrong;
    url.remove_prefix(at + 1);
  }
  const auto before_path = cut(url, "/");
  if (before_path && !url.empty() && !read_database(url, address)) return wrong;
  if (!read_host(before_path.value_or(url), address)) return wrong;
  return address;
}

Result<std::string> check_postgres_url(std::string_view url) {
  std::string text(url);
  char* complaint = nullptr;  // it may repeat what it complains of
  PQconninfoOption* options = PQconninfoParse(text.c_str(), &complaint);
  if (complaint != nullptr) PQfreemem(complaint);
  if (options == nullptr) {
    return Error{
        "this is no address of a PostgreSQL: expected postgres://[user@]host[:port]/database or key=value pairs, as libpq "
        "takes them"};
  }
  PQconninfoFree(options);
  return text;
}

}  // namespace drydock::runtime
