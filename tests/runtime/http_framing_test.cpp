// Where requests end, and what is none.
#include "real-runtime/http_framing.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace drydock::runtime::http_framing_test {
namespace {

using State = HttpFraming::State;

constexpr std::size_t kMost = 1000;

HttpFraming framed(const std::string& bytes) {
  HttpFraming framing(kMost, "10.0.0.1");
  framing.look(bytes);
  return framing;
}

// 0: it goes on, or is whole.
int status(const std::string& bytes) { return framed(bytes).status(); }

// A POST with these headers and this body.
std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /a HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

// In each cut into pieces it ends at the same place.
TEST(HttpFraming, EndsWhereTheRequestEnds) {
  const std::string next = "GET /next HTTP/1.1\r\n";
  for (const std::string& whole : {std::string("GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n"), post(""),
                                   post("Content-Length: 0\r\n"), post("content-length:  5 \r\n", "hello"),
                                   post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
                                   std::string("GET / HTTP/1.0\r\n\r\n")}) {
    const std::string all = whole + next;
    HttpFraming slowly(kMost, "");
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const State state = slowly.look(std::string_view(all).substr(0, length));
      ASSERT_TRUE(state == State::head || state == State::body) << whole << " after " << length << ": " << slowly.problem();
    }
    ASSERT_EQ(slowly.look(all), State::whole) << whole << slowly.problem();
    EXPECT_EQ(slowly.bytes(), whole.size());
    EXPECT_EQ(framed(all).bytes(), whole.size());
  }
}

TEST(HttpFraming, TellsTheHead) {
  const HttpFraming framing =
      framed("HEAD /a%20b?x=1 HTTP/1.1\r\nHOST: h\r\nX-Empty:\r\nIdempotency-Key: \r\nX-A: %41\r\nX-A: 2\r\n\r\n");
  EXPECT_EQ(framing.head().method, "GET");
  EXPECT_TRUE(framing.is_head());
  EXPECT_EQ(framing.head().path, "/a%20b");
  EXPECT_EQ(framing.head().client, "10.0.0.1");
  EXPECT_EQ(framing.head().headers.count("x-empty"), 1U);
  EXPECT_EQ(framing.head().headers.count("idempotency-key"), 1U);
  EXPECT_EQ(framing.head().header("x-a"), "%41, 2");
  EXPECT_NE(framing.head().id, "");
  EXPECT_FALSE(framing.closes());
  EXPECT_TRUE(framed("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").closes());
  EXPECT_TRUE(framed("GET / HTTP/1.0\r\n\r\n").closes());
  EXPECT_FALSE(framed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").closes());
  EXPECT_TRUE(framed(post("Expect: 100-Continue\r\nContent-Length: 5\r\n")).expects());
  EXPECT_FALSE(framed(post("Expect: 100-continue\r\n")).expects());
}

// Where two readers could disagree about the end of a request, there is none.
TEST(HttpFraming, WhatHasTwoReadingsIsRefused) {
  const std::vector<std::string> wrong{
      post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
      post("Content-Length: 5\r\ncontent-length: 6\r\n", "hello"),
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      post("Transfer-Encoding: gzip, chunked\r\n"),
      post("Transfer-Encoding: xchunked\r\n"),
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      post("Content-Length: +5\r\n"),
      post("Content-Length: -5\r\n"),
      post("Content-Length: abc\r\n"),
      post("Content-Length: 5, 5\r\n"),
      post("Content-Length: 0x5\r\n"),
      post("Content-Length:\r\n"),
      post("Content-Length: 99999999999999999999999\r\n"),
      post("Content-Length : 5\r\n"),
      post(" Content-Length: 5\r\n"),
      post("X: a\r\n Content-Length: 5\r\n"),
      post("no colon\r\n"),
      post(": x\r\n"),
      post(std::string("X: a\0b\r\n", 8)),
      post("X: a\rContent-Length: 5\r\n"),
      post("Host: b\r\n"),
      post("Authorization: a\r\nAuthorization: b\r\n"),
      post("Idempotency-Key: a\r\nIdempotency-Key: b\r\n"),
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET /\r\nHost: a\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
      "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "nonsense\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
      "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      post("Transfer-Encoding: chunked\r\n", "+5\r\n"),
      post("Transfer-Encoding: chunked\r\n", "0x5\r\n"),
      post("Transfer-Encoding: chunked\r\n", "\r\n"),
      post("Transfer-Encoding: chunked\r\n", "5\r\nhelloo\r\n"),
      post("Transfer-Encoding: chunked\r\n", "0\r\nTrailer: x\r\n\r\n"),
      post("Transfer-Encoding: chunked\r\n", "5;" + std::string(300, 'x') + "\r\n"),
  };
  for (const std::string& bytes : wrong) {
    const HttpFraming framing = framed(bytes);
    EXPECT_EQ(framing.status(), 400) << bytes;
    EXPECT_NE(framing.problem(), "");
    EXPECT_NE(framing.head().id, "");
  }
  EXPECT_EQ(status(post("Expect: more\r\n")), 417);
}

TEST(HttpFraming, AllHasALimit) {
  EXPECT_EQ(status(post("Content-Length: 1000\r\n")), 0);
  EXPECT_EQ(status(post("Content-Length: 1001\r\n")), 413);
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\n", "3e8\r\n")), 0);
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\n", "3e9\r\n")), 413);
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\n", "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n")), 413);
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\n", "fffffffffffffff0\r\n")), 413);
  EXPECT_EQ(status("GET /" + std::string(9000, 'a')), 414);
  EXPECT_EQ(status("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'a')), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 100; ++i) many += "X: a\r\n";
  EXPECT_EQ(status(many + "\r\n"), 431);
  std::string padded;
  for (int i = 0; i < 400; ++i) padded += "1;" + std::string(200, 'x') + "\r\nx\r\n";
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\n", padded)), 413) << "chunks that are nearly all padding";
}

}  // namespace
}  // namespace drydock::runtime::http_framing_test
