// The server itself, with a handler that repeats what it was asked: limits, broken requests, and an end that loses none.
#include "real-runtime/http_server.hpp"

#include "tests/cli/binary.hpp"
#include "tests/runtime/http_call.hpp"

#include <atomic>
#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>
#include <zlib.h>

namespace drydock::runtime::http_server_test {
namespace {

using namespace std::chrono_literals;

class Repeater final : public HttpHandler {
 public:
  std::optional<HttpResponse> refusal(const HttpRequest& request) override {
    if (request.path == "/refused") return error_response(request, 401, "no");
    return std::nullopt;
  }
  HttpLane lane(const HttpRequest& request) override {
    return request.path == "/probe" ? HttpLane::probe : HttpLane::ordinary;
  }
  HttpResponse answer(const HttpRequest& request) override {
    if (request.path == "/throws") throw std::runtime_error("a secret of the house");
    if (request.path == "/waits") {
      ++waiting;
      while (!go_on) std::this_thread::sleep_for(1ms);
    }
    const nlohmann::json body{
        {"method", request.method}, {"path", request.path}, {"query", request.query}, {"length", request.body.size()}};
    return {.status = 200, .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  }
  void answered(const HttpRequest& /*request*/, int status, Duration /*took*/) override { last_status = status; }

  std::atomic<int> waiting{0};
  std::atomic<bool> go_on{false};
  std::atomic<int> last_status{0};
};

class Server : public testing::Test {
 protected:
  void SetUp() override { start({.body_bytes_max = 10'000}); }
  void start(const HttpLobbyOptions& lobby) {
    server_.reset();
    auto started = HttpServer::start({.port = 0, .threads = 4, .lobby = lobby}, handler_);
    ASSERT_TRUE(started.ok()) << started.error().message;
    server_ = std::move(started).value();
    address_ = server_->address();
  }
  HttpReply call(const HttpCall& what) { return http_call(address_, what); }
  bool lives() { return call({.target = "/a"}).status == 200; }

  Repeater handler_;
  std::unique_ptr<HttpServer> server_;
  std::string address_;
};

std::string zipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_F(Server, HandsOnWhatItWasAsked) {
  const HttpReply got = call({.target = "/a%20b?x=1&y=%41"});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.json()["path"], "/a b");
  EXPECT_EQ(got.json()["query"], nlohmann::json({{"x", "1"}, {"y", "A"}}));
  EXPECT_EQ(call({.method = "POST", .target = "/a", .body = "hello"}).json()["length"], 5);
  EXPECT_EQ(call({.method = "DELETE", .target = "/a"}).json()["method"], "DELETE");
  const HttpReply head = call({.method = "HEAD", .target = "/a"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(call({.target = "/a", .headers = {{"Range", "bytes=1-2"}}}).status, 200) << "nothing is served in parts";
}

TEST_F(Server, GivesEachRequestAnId) {
  const auto id = [&](const std::string& given) {
    return call({.target = "/refused", .headers = {{"X-Request-Id", given}}}).headers["x-request-id"];
  };
  EXPECT_EQ(id("abc-1.2_3"), "abc-1.2_3");
  EXPECT_EQ(call({.target = "/refused", .headers = {{"X-Request-Id", "mine"}}}).json()["error"]["request_id"], "mine");
  const std::string made = id("<script>");
  EXPECT_NE(made, "<script>");
  EXPECT_NE(made, "");
  EXPECT_NE(id(""), made);
  EXPECT_NE(id(std::string(200, 'a')), std::string(200, 'a'));
}

TEST_F(Server, BodiesHaveALimitHoweverTheyAreSent) {
  const std::string fits(10'000, 'x');
  EXPECT_EQ(call({.method = "POST", .target = "/a", .body = fits}).json()["length"], 10'000);
  EXPECT_EQ(call({.method = "POST", .target = "/a", .body = fits + "x"}).status, 413);
  EXPECT_EQ(call({.method = "POST", .target = "/a", .body = std::string(2'000'000, 'x')}).status, 413);
  const HttpReply expecting =
      call({.method = "POST", .target = "/a", .headers = {{"Expect", "100-continue"}, {"Content-Length", "99999999999"}}});
  EXPECT_EQ(expecting.status, 413);
  EXPECT_NE(expecting.message().find("10000 bytes"), std::string::npos);

  std::string chunked = "POST /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(parse_reply(http_raw(address_, chunked + "5\r\nhello\r\n0\r\n\r\n")).json()["length"], 5);
  for (int i = 0; i < 50; ++i) chunked += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  EXPECT_EQ(parse_reply(http_raw(address_, chunked + "0\r\n\r\n")).status, 413);

  const HttpCall small{.method = "POST", .target = "/a", .body = zipped("hello"), .headers = {{"Content-Encoding", "gzip"}}};
  EXPECT_EQ(call(small).json()["length"], 5);
  const HttpCall bomb{.method = "POST",
                      .target = "/a",
                      .body = zipped(std::string(8'000'000, ' ')),
                      .headers = {{"Content-Encoding", "gzip"}}};
  ASSERT_LT(bomb.body.size(), 10'000U);
  EXPECT_EQ(call(bomb).status, 413);
  EXPECT_TRUE(lives());
}

// Also to a client that would send on for long: it hears the answer, and then the end of the connection.
TEST_F(Server, WhatIsRefusedIsToldBeforeItsBody) {
  start({.body_bytes_max = 10'000, .head_time = 1h, .body_time = 1h, .idle_time = 1h});
  const HttpReply reply = call({.method = "POST", .target = "/refused", .body = std::string(9'000, 'x')});
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.message(), "no");
  const HttpReply unread = parse_reply(http_raw(
      address_, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"));
  EXPECT_EQ(unread.status, 401);
  EXPECT_EQ(unread.headers.at("connection"), "close");
  const HttpReply long_one =
      parse_reply(http_raw(address_, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n{"));
  EXPECT_EQ(long_one.status, 413);
  const HttpReply form = parse_reply(http_raw(
      address_,
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 900\r\n\r\n{"));
  EXPECT_EQ(form.status, 415);
}

// However many clients begin a request and do not go on, no thread waits for them.
TEST_F(Server, SlowClientsHoldNoThread) {
  start({.body_bytes_max = 10'000, .head_time = 1h, .body_time = 1h, .idle_time = 1h});
  std::vector<std::unique_ptr<OpenCall>> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<OpenCall>(address_));
    slow.back()->send(i % 2 == 0 ? "GET /a HTTP/1.1\r\nHos" : "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(lives());
  slow[0]->send("t: a\r\n\r\n");
  EXPECT_EQ(slow[0]->reply().status, 200) << "they are still heard";
  slow[1]->send("lo");
  EXPECT_EQ(slow[1]->reply().json()["length"], 5);
}

TEST_F(Server, WhoIsTooSlowIsToldSo) {
  start({.body_bytes_max = 10'000, .head_time = 50ms, .body_time = 50ms, .idle_time = 50ms});
  EXPECT_EQ(parse_reply(http_raw(address_, "GET /a HTTP/1.1\r\nHos")).status, 408);
  EXPECT_EQ(parse_reply(http_raw(address_, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")).status, 408);
  EXPECT_EQ(http_raw(address_, ""), "") << "who says nothing hears nothing";
  const std::string twice = http_raw(address_, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(parse_reply(twice).status, 200);
  EXPECT_EQ(twice.find("HTTP/1.1 408"), std::string::npos) << "an idle connection just ends";
}

TEST_F(Server, WhoeverWaitsLongestMakesRoom) {
  start({.body_bytes_max = 10'000,
         .connections = 8,
         .connections_per_client = 4,
         .head_time = 1h,
         .body_time = 1h,
         .idle_time = 1h});
  std::vector<std::unique_ptr<OpenCall>> slow;
  for (int i = 0; i < 30; ++i) {
    slow.push_back(std::make_unique<OpenCall>(address_));
    slow.back()->send("GET /a HTTP/1.1\r\nHos");
  }
  EXPECT_TRUE(lives());
  EXPECT_EQ(slow.front()->reply().status, 0);
  slow.back()->send("t: a\r\n\r\n");
  EXPECT_EQ(slow.back()->reply().status, 200);
}

TEST_F(Server, AProbeDoesNotWaitForTheOthers) {
  std::vector<std::future<HttpReply>> waiting;
  for (int i = 0; i < 6; ++i)
    waiting.push_back(std::async(std::launch::async, [this] { return call({.target = "/waits"}); }));
  while (handler_.waiting < 4) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(call({.target = "/probe"}).status, 200);
  handler_.go_on = true;
  for (auto& each : waiting) EXPECT_EQ(each.get().status, 200);
}

TEST_F(Server, WhereAllConnectionsAreServedTheNextIsToldSo) {
  start({.body_bytes_max = 10'000, .connections_per_client = 4});
  std::vector<std::future<HttpReply>> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.push_back(std::async(std::launch::async, [this] { return call({.target = "/waits"}); }));
  while (handler_.waiting < 4) std::this_thread::sleep_for(1ms);
  const HttpReply full = call({.target = "/probe"});
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.headers.at("retry-after"), "1");
  handler_.go_on = true;
  for (auto& each : waiting) EXPECT_EQ(each.get().status, 200);
}

TEST_F(Server, BodiesTogetherHaveALimit) {
  start({.body_bytes_max = 10'000, .all_bodies_bytes = 12'000, .body_time = 1h});
  OpenCall slow(address_);
  slow.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nhel");
  HttpReply other;
  while (other.status != 503) other = call({.method = "POST", .target = "/a", .body = std::string(5000, 'x')});
  EXPECT_EQ(call({.method = "POST", .target = "/a", .body = std::string(2000, 'x')}).status, 200);
  slow.send(std::string(8997, 'x'));
  EXPECT_EQ(slow.reply().status, 200);
  // Whoever answered gives the room of its body back a moment later.
  for (int tries = 0; other.status != 200 && tries < 1000; ++tries)
    other = call({.method = "POST", .target = "/a", .body = std::string(5000, 'x')});
  EXPECT_EQ(other.status, 200);
}

TEST_F(Server, AConnectionServesOneRequestAfterAnother) {
  const std::string post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  const std::string refused = "GET /refused HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string replies =
      http_raw(address_, post + refused + post + "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + post);
  std::vector<int> statuses;
  for (std::size_t at = replies.find("HTTP/1.1 "); at != std::string::npos; at = replies.find("HTTP/1.1 ", at + 1)) {
    statuses.push_back(std::stoi(replies.substr(at + 9)));
  }
  EXPECT_EQ(statuses, (std::vector<int>{200, 401, 200, 200}));
}

TEST_F(Server, OtherMethodsAndBrokenRequestsAreToldSo) {
  EXPECT_EQ(call({.method = "PUT", .target = "/a"}).status, 405);
  EXPECT_EQ(call({.method = "PATCH", .target = "/a", .body = "x"}).status, 405);
  EXPECT_EQ(call({.method = "OPTIONS", .target = "/a"}).headers["allow"], "GET, HEAD, POST, DELETE");
  EXPECT_EQ(call({.method = "BREW", .target = "/a"}).status, 400);
  EXPECT_EQ(call({.target = "/" + std::string(2000, 'a')}).status, 400);
  EXPECT_EQ(call({.target = "/" + std::string(20'000, 'a')}).status, 414);
  EXPECT_EQ(call({.target = "/a?x=1&x=2"}).status, 400) << "a parameter that is there twice";
  EXPECT_EQ(call({.target = "/a?x=1&%78=1"}).status, 400);
  EXPECT_EQ(call({.method = "POST", .target = "/a%0a", .body = "x"}).status, 400);
  EXPECT_EQ(call({.target = "/a", .body = "x"}).status, 400) << "a GET with a body";
  const HttpCall form{
      .method = "POST", .target = "/a", .body = "x", .headers = {{"Content-Type", "multipart/form-data; boundary=b"}}};
  EXPECT_EQ(call(form).status, 415);
  const HttpReply broken = parse_reply(http_raw(address_, "nonsense\r\n\r\n"));
  EXPECT_EQ(broken.status, 400);
  EXPECT_NE(broken.message(), "");
  EXPECT_TRUE(lives());
}

TEST_F(Server, AMistakeInsideIsNotTold) {
  const HttpReply reply = call({.target = "/throws"});
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
  for (const auto& [name, value] : reply.headers) EXPECT_EQ(value.find("secret"), std::string::npos) << name;
}

TEST_F(Server, EndsWhenWhatItAnswersIsAnswered) {
  auto reply = std::async(std::launch::async, [this] { return call({.target = "/waits"}); });
  while (handler_.waiting == 0) std::this_thread::sleep_for(1ms);
  auto ending = std::async(std::launch::async, [this] { server_.reset(); });
  while (call({.target = "/a"}).status != 0) std::this_thread::sleep_for(1ms);
  handler_.go_on = true;
  EXPECT_EQ(reply.get().status, 200);
  ending.get();
}

TEST_F(Server, TwoDoNotShareAPort) {
  auto second = HttpServer::start({.port = server_->port()}, handler_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("cannot listen"), std::string::npos);
}

TEST_F(Server, MayListenOnASocketOfThisUser) {
  const cli::Folder folder;
  const std::string path = folder.path("api.sock");
  auto server = HttpServer::start({.unix_socket = path}, handler_);
  ASSERT_TRUE(server.ok()) << server.error().message;
  EXPECT_EQ(http_call(server.value()->address(), {.target = "/a"}).status, 200);
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_FALSE(HttpServer::start({.unix_socket = path}, handler_).ok()) << "one listens there";
  EXPECT_FALSE(HttpServer::start({.unix_socket = folder.file("file", "x")}, handler_).ok());
  EXPECT_FALSE(HttpServer::start({.unix_socket = folder.path(std::string(200, 'a'))}, handler_).ok());
  std::move(server).value().reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

// Whatever comes in, it goes on.
TEST_F(Server, ARandomRequestEndsNoProcess) {
  const unsigned seed = 7;
  std::mt19937 random(seed);
  const std::vector<std::string> lines{"GET / HTTP/1.1",
                                       "POST /a HTTP/1.1",
                                       "DELETE /a HTTP/1.0",
                                       "GET /%ff%00%zz?%=%&&=%u HTTP/1.1",
                                       "PRI * HTTP/2.0",
                                       "Host: localhost",
                                       "Content-Length: 5",
                                       "Content-Length: -1",
                                       "Content-Length: 99999999999999999999999",
                                       "Transfer-Encoding: chunked",
                                       "Content-Encoding: gzip",
                                       "Content-Encoding: br",
                                       "Content-Type: multipart/form-data; boundary=",
                                       "Range: bytes=0-0,1-99999999999999999999,-5",
                                       "Range: bytes=" + std::string(3000, '1') + "-",
                                       "Expect: 100-continue",
                                       "X-Request-Id: \xff\xfe",
                                       "Authorization: Bearer " + std::string(5000, 'x'),
                                       "ffffffffffffffff",
                                       "5",
                                       "hello",
                                       ":",
                                       ""};
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int round = 0; round < 600; ++round) {
    std::string text = lines[below(4)] + "\r\n";
    for (std::size_t i = below(8); i > 0; --i) text += lines[below(lines.size())] + "\r\n";
    text += "Connection: close\r\n\r\nhello";
    for (std::size_t i = below(4); i > 0; --i) text[below(text.size())] = static_cast<char>(below(256));
    (void)http_raw(address_, text + "\r\n0\r\n\r\n", true);
    if (round % 100 == 0) {
      ASSERT_TRUE(lives()) << "seed " << seed << ", round " << round;
    }
  }
  EXPECT_TRUE(lives());
}

}  // namespace
}  // namespace drydock::runtime::http_server_test
