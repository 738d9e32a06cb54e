#include "real-runtime/http_framing.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr std::size_t kMostFirstLine = 8192;  // the first line
constexpr std::size_t kMostHead = 65'536;
constexpr std::size_t kMostHeaders = 100;
constexpr std::size_t kMostChunkLine = 256;
constexpr std::size_t kChunkSlack = 65'536;  // what a chunked body may be longer than twice its content
constexpr std::string_view kLineEnd = "\r\n";

// Those that must not be there twice, since it would depend on who reads them which one counts.
constexpr std::array<std::string_view, 8> kOnce{"host",         "content-length",   "transfer-encoding", "authorization",
                                                "content-type", "content-encoding", "idempotency-key",   "expect"};

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_name(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_name_char); }

std::string in_lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits alone.
std::optional<std::size_t> number_in(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "close, Upgrade" has close.
bool has_word(const std::string& list, std::string_view word) {
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (in_lower_case(without_blanks(rest.substr(0, comma))) == word) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace

HttpFraming::State HttpFraming::look(std::string_view bytes) {
  if (state_ == State::head) look_for_head(bytes);
  if (state_ != State::body) return state_;
  if (chunked_) {
    look_for_chunks(bytes);
  } else if (bytes.size() - body_at_ >= length_) {
    end_ = body_at_ + length_;
    state_ = State::whole;
  }
  return state_;
}

void HttpFraming::refuse(int status, std::string problem) {
  if (state_ == State::wrong) return;
  state_ = State::wrong;
  if (head_.id.empty()) head_.id = request_id("");
  status_ = status;
  problem_ = std::move(problem);
}

void HttpFraming::look_for_head(std::string_view bytes) {
  for (; seen_ < std::min(bytes.size(), kMostHead); ++seen_) {
    if (bytes[seen_] != '\n') continue;
    if (seen_ == 0 || bytes[seen_ - 1] != '\r') return refuse(400, "the lines of a head end with CR and LF");
    if (seen_ < 3 || bytes[seen_ - 2] != '\n') continue;
    body_at_ = seen_ + 1;
    chunk_at_ = body_at_;
    read_head(bytes.substr(0, seen_ - 1));
    if (state_ != State::wrong) state_ = State::body;
    return;
  }
  const std::size_t line = bytes.substr(0, kMostFirstLine + kLineEnd.size()).find(kLineEnd);
  if (line == std::string_view::npos && bytes.size() > kMostFirstLine) {
    return refuse(414, fmt::format("the first line of a request has at most {} bytes", kMostFirstLine));
  }
  if (bytes.size() >= kMostHead) refuse(431, fmt::format("the head of a request has at most {} bytes", kMostHead));
}

// `text` is all of its lines, each with its end.
void HttpFraming::read_head(std::string_view text) {
  const auto is_wrong = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f;
  };
  if (std::ranges::any_of(text, is_wrong)) return refuse(400, "the head of a request has no control characters");
  std::size_t lines = 0;
  while (!text.empty() && state_ != State::wrong) {
    const std::size_t end = text.find(kLineEnd);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + kLineEnd.size());
    if (line.find('\r') != std::string_view::npos) return refuse(400, "the lines of a head end with CR and LF");
    if (++lines == 1) read_first_line(line);
    else read_header(line);
  }
  if (lines > kMostHeaders + 1) return refuse(431, fmt::format("a request has at most {} headers", kMostHeaders));
  if (state_ == State::wrong) return;
  head_.id = request_id(head_.header("x-request-id"));
  read_length();
}

void HttpFraming::read_first_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (line.size() > kMostFirstLine) {
    return refuse(414, fmt::format("the first line of a request has at most {} bytes", kMostFirstLine));
  }
  if (first == std::string_view::npos || first == last || !is_name(line.substr(0, first))) {
    return refuse(400, "this is not HTTP/1.1: a request begins with METHOD PATH HTTP/1.1");
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (target.empty() || target.find(' ') != std::string_view::npos || (version != "HTTP/1.1" && version != "HTTP/1.0")) {
    return refuse(400, "this is not HTTP/1.1: a request begins with METHOD PATH HTTP/1.1");
  }
  old_ = version == "HTTP/1.0";
  head_.method = line.substr(0, first);
  is_head_ = head_.method == "HEAD";
  if (is_head_) head_.method = "GET";
  head_.path = target.substr(0, target.find_first_of("?#"));
}

void HttpFraming::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_name(line.substr(0, colon))) {
    return refuse(400, "a header is a name, a colon right behind it, and a value, in one line");
  }
  const std::string name = in_lower_case(line.substr(0, colon));
  const std::string_view value = without_blanks(line.substr(colon + 1));
  const auto [at, is_new] = head_.headers.emplace(name, value);
  if (is_new) return;
  if (std::ranges::find(kOnce, name) != kOnce.end()) return refuse(400, fmt::format("the header {} is there twice", name));
  at->second += ", " + std::string(value);
}

void HttpFraming::read_length() {
  const auto& headers = head_.headers;
  if (!old_ && !headers.contains("host")) return refuse(400, "a request of HTTP/1.1 has the header Host");
  const std::string connection = head_.header("connection");
  closes_ = has_word(connection, "close") || (old_ && !has_word(connection, "keep-alive"));
  const bool has_length = headers.contains("content-length");
  if (headers.contains("transfer-encoding")) {
    if (has_length) return refuse(400, "Content-Length and Transfer-Encoding do not go together");
    if (old_ || in_lower_case(head_.header("transfer-encoding")) != "chunked") {
      return refuse(400, "Transfer-Encoding: it can be chunked alone, in HTTP/1.1");
    }
    chunked_ = true;
  } else if (has_length) {
    const auto length = number_in(head_.header("content-length"), 10);
    if (!length) return refuse(400, "Content-Length: it is not a number of bytes");
    length_ = *length;
  }
  if (head_.method == "GET" && (chunked_ || length_ > 0)) return refuse(400, "a GET request has no body");
  if (length_ > body_bytes_max_) return refuse_length();
  if (!headers.contains("expect")) return;
  if (in_lower_case(head_.header("expect")) != "100-continue") return refuse(417, "Expect: it can be 100-continue alone");
  expects_ = !old_ && (chunked_ || length_ > 0);
}

void HttpFraming::refuse_length() {
  refuse(413, fmt::format("the body has more than {} bytes, the limit of this API", body_bytes_max_));
}

void HttpFraming::look_for_chunks(std::string_view bytes) {
  while (true) {
    const std::size_t line_end = bytes.find(kLineEnd, chunk_at_);
    const std::size_t line = std::min(line_end, bytes.size()) - chunk_at_;
    if (line > kMostChunkLine) return refuse(400, "the body: a chunk begins with its size in a short line");
    if (line_end == std::string_view::npos) return;
    const std::string_view text = bytes.substr(chunk_at_, line);
    const auto size = number_in(text.substr(0, text.find(';')), 16);
    if (!size) return refuse(400, "the body: the size of a chunk is a hexadecimal number");
    if (*size > body_bytes_max_ - decoded_) return refuse_length();
    const std::size_t next = line_end + kLineEnd.size() + *size + kLineEnd.size();
    if (next - body_at_ > 2 * body_bytes_max_ + kChunkSlack) return refuse_length();
    if (bytes.size() < next) return;
    if (bytes.substr(next - kLineEnd.size(), kLineEnd.size()) != kLineEnd) {
      return refuse(
          400, *size == 0 ? "the body: nothing is taken behind the last chunk" : "the body: a chunk is longer than it says");
    }
    decoded_ += *size;
    chunk_at_ = next;
    if (*size > 0) continue;
    end_ = next;
    state_ = State::whole;
    return;
  }
}

}  // namespace drydock::runtime
