// Where a request of HTTP/1 ends, and whether it is one: RFC 9112's rules about heads and the length of bodies, read strictly. Two programs
// that disagree about the end of a request take a part of it for the next one. No I/O.
#pragma once

#include "real-runtime/http_message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace drydock::runtime {

// One request.
class HttpFraming {
 public:
  enum class State : std::uint8_t {
    head,   // of which there must come more
    body,   // likewise
    whole,  // it has come
    wrong,  // it is none, or is too long
  };

  HttpFraming(std::size_t body_bytes_max, std::string client) : body_bytes_max_(body_bytes_max) {
    head_.client = std::move(client);
  }

  // `bytes` is all that came since the end of the request before, each time.
  State look(std::string_view bytes);

  // Once the head is there, or is wrong. Its path is as it was sent, and it has no body.
  [[nodiscard]] const HttpRequest& head() const { return head_; }
  [[nodiscard]] bool is_head() const { return is_head_; }  // the method is HEAD
  [[nodiscard]] bool expects() const { return expects_; }  // the client waits for "100 Continue"
  [[nodiscard]] bool closes() const { return closes_; }    // it says that it will send no other request
  // Bytes that its body may have; of a whole request, those of all of it.
  [[nodiscard]] std::size_t body_bytes() const { return chunked_ ? body_bytes_max_ : length_; }
  [[nodiscard]] std::size_t bytes() const { return end_; }

  // What is wrong.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void refuse(int status, std::string problem);
  void look_for_head(std::string_view bytes);
  void look_for_chunks(std::string_view bytes);
  void read_head(std::string_view text);
  void read_first_line(std::string_view line);
  void read_header(std::string_view line);
  void read_length();
  void refuse_length();

  std::size_t body_bytes_max_;
  State state_ = State::head;
  std::size_t seen_ = 0;  // bytes of the head that were looked at
  HttpRequest head_{};
  bool old_ = false;  // HTTP/1.0
  bool is_head_ = false;
  bool expects_ = false;
  bool closes_ = false;
  bool chunked_ = false;
  std::size_t length_ = 0;    // of a body that is not chunked
  std::size_t body_at_ = 0;   // where it begins
  std::size_t chunk_at_ = 0;  // where the next chunk begins
  std::size_t decoded_ = 0;   // bytes in the chunks before
  std::size_t end_ = 0;
  int status_ = 0;
  std::string problem_;
};

}  // namespace drydock::runtime
