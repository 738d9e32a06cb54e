// Small pieces for families of processes: whole reads and writes, memory shared over fork, why a process ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace drydock::sim {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] bool valid() const { return value_ >= 0; }
  void reset();

 private:
  int value_ = -1;
};

// Two connected stream sockets; throws std::system_error when the system has no more.
[[nodiscard]] std::pair<Descriptor, Descriptor> connected_pair();

// Writes all of it; false when the other end is gone. Never raises SIGPIPE. `fd` must be a socket.
[[nodiscard]] bool send_all(int fd, std::string_view bytes);

// A message is its length and its bytes.
[[nodiscard]] bool send_message(int fd, std::string_view bytes);

// Puts arriving bytes together to messages.
class MessageReader {
 public:
  // Reads what is there (blocks if nothing is); false at the end of the stream or when it is broken.
  [[nodiscard]] bool fill(int fd);
  // The next whole message, if there is one.
  [[nodiscard]] std::optional<std::string> next();

 private:
  std::string buffer_;
};

// Waits for the child's end: "" after exit code 0, else how it ended ("was killed by signal 9 (Killed)").
[[nodiscard]] std::string wait_for_end(pid_t child);

// fork(), with nothing left in the output buffers that the child (or SimGrid in it) would write once more. Throws
// std::system_error when the system has no more processes.
[[nodiscard]] pid_t fork_child();

// In a new child: dies with its parent, leaves Ctrl-C to it.
void become_helper(pid_t parent);
// Ignores the signals that ask a whole group of processes to end: the parent answers them.
void leave_signals_to_parent();

// Zeroed memory that this process and its later children share; throws std::bad_alloc.
class SharedBytes {
 public:
  explicit SharedBytes(std::size_t size);
  ~SharedBytes();
  SharedBytes(const SharedBytes&) = delete;
  SharedBytes& operator=(const SharedBytes&) = delete;
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::byte* data_;
  std::size_t size_;
};

}  // namespace drydock::sim
