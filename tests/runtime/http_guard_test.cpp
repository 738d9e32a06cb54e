// Who may ask, and how often.
#include "real-runtime/http_guard.hpp"

#include "real-runtime/random_text.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::runtime::http_guard_test {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart = time_at(1'000'000'000);

HttpRequest request(const std::string& authorization, const std::string& path = "/x") {
  HttpRequest result{.method = "GET", .path = path, .client = "10.0.0.1"};
  if (!authorization.empty()) result.headers["authorization"] = authorization;
  return result;
}

int status(HttpGuard& guard, const HttpRequest& asked, Time now = kStart) {
  const auto refused = guard.refusal(asked, now);
  return refused ? refused->status : 200;
}

TEST(HttpGuard, TheTokenIsNeededButWhereItIsOpen) {
  HttpGuard guard({.token = "0123456789abcdef", .open_paths = {"/healthz"}});
  EXPECT_EQ(status(guard, request("Bearer 0123456789abcdef")), 200);
  for (const char* wrong : {"", "0123456789abcdef", "Bearer", "Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcde",
                            "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", "Bearer  0123456789abcdef"}) {
    EXPECT_EQ(status(guard, request(wrong)), 401) << wrong;
  }
  EXPECT_EQ(status(guard, request("bearer 0123456789abcdef")), 200) << "schemes have no case";
  EXPECT_EQ(guard.refusal(request(""), kStart)->headers.at("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(status(guard, request("", "/healthz")), 200);
  EXPECT_EQ(status(guard, request("", "/healthz/x")), 401);
}

TEST(HttpGuard, ComparesAllOfAToken) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcabc"));
  EXPECT_FALSE(equal_in_constant_time("abc", ""));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
  EXPECT_NE(random_text(16), random_text(16));
  EXPECT_EQ(random_text(16).size(), 32U);
}

// A page in a browser on this machine can send a form anywhere, and can have a name that leads here.
TEST(HttpGuard, WithoutATokenNoPageGetsIn) {
  HttpGuard guard({.only_local_names = true});
  HttpRequest asked = request("");
  for (const char* name : {"localhost", "LocalHost:8080", "127.0.0.1:8080", "[::1]:8080"}) {
    asked.headers["host"] = name;
    EXPECT_EQ(status(guard, asked), 200) << name;
  }
  for (const char* name : {"", "evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example"}) {
    asked.headers["host"] = name;
    EXPECT_EQ(status(guard, asked), 403) << name;
  }
  asked.headers["host"] = "localhost";
  asked.method = "POST";
  EXPECT_EQ(status(guard, asked), 415);
  asked.headers["content-type"] = "text/plain";
  EXPECT_EQ(status(guard, asked), 415);
  asked.headers["content-type"] = "application/jsonx";
  EXPECT_EQ(status(guard, asked), 415);
  for (const char* type : {"application/json; charset=utf-8", "Application/JSON ;x=y", "application/json"}) {
    asked.headers["content-type"] = type;
    EXPECT_EQ(status(guard, asked), 200) << type;
  }
}

TEST(HttpGuard, EachClientHasARate) {
  HttpGuard guard({.token = "", .rate = {.amount = 2, .per = 1s}, .burst = 3});
  HttpRequest one = request("");
  HttpRequest other = request("");
  other.client = "10.0.0.2";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status(guard, one), 200);
  const auto refused = guard.refusal(one, kStart);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->headers.at("Retry-After"), "1");
  EXPECT_EQ(status(guard, other), 200);
  EXPECT_EQ(status(guard, one, kStart + 499ms), 429);
  EXPECT_EQ(status(guard, one, kStart + 500ms), 200);
}

// Whoever guesses tokens is slowed down, too, and a flood of addresses costs no more memory than so many.
TEST(HttpGuard, WrongTokensCountAndManyClientsShare) {
  HttpGuard guard({.token = "0123456789abcdef", .rate = {.amount = 1, .per = 1s}, .burst = 1});
  EXPECT_EQ(status(guard, request("Bearer x")), 401);
  EXPECT_EQ(status(guard, request("Bearer x")), 429);
  HttpGuard flooded({.rate = {.amount = 1, .per = 1h}, .burst = 1});
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    HttpRequest asked = request("");
    asked.client = std::to_string(i);
    if (status(flooded, asked) == 429) ++refused;
  }
  EXPECT_EQ(refused, 9'999) << "those beyond 10 000 share one bucket";
}

}  // namespace
}  // namespace drydock::runtime::http_guard_test
