#include "real-runtime/output_log.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0640;
constexpr std::size_t kMostWaiting = 1U << 14U;

fs::path with(const fs::path& file, const char* suffix) { return file.string() + suffix; }

int make(const fs::path& file) { return ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kMode); }

void close(int& descriptor) {
  if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
}

// How much of it could be written.
std::uint64_t write_all(int descriptor, std::string_view bytes) {
  const std::size_t wanted = bytes.size();
  while (descriptor >= 0 && !bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return wanted - bytes.size();
}

std::string last_bytes(const fs::path& file, std::uint64_t most) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) return {};
  const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(0, stream.tellg()));
  std::string text(std::min(size, most), '\0');
  stream.seekg(static_cast<std::streamoff>(size - text.size()));
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, stream.gcount())));
  return text;
}

std::string last_bytes(const std::string& first, const std::string& second, std::uint64_t most) {
  std::string both = first + second;
  return both.size() <= most ? both : both.substr(both.size() - most);
}

}  // namespace

OutputLog::OutputLog(fs::path file, OutputBounds bounds) : file_(std::move(file)), bounds_(bounds), head_(make(file_)) {}

OutputLog::~OutputLog() {
  close(head_);
  close(tail_);
}

void OutputLog::write(std::string_view bytes) {
  bytes_ += bytes.size();
  const std::string_view head = bytes.substr(0, bounds_.head - std::min(head_bytes_, bounds_.head));
  head_bytes_ += head.size();
  write_head(head);
  bytes.remove_prefix(head.size());
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, bounds_.tail - tail_bytes_);
    write_tail(part);
    bytes.remove_prefix(part.size());
  }
}

void OutputLog::write_head(std::string_view bytes) {
  if (waiting_.empty()) bytes.remove_prefix(write_all(head_, bytes));
  waiting_ += bytes;
  if (waiting_.empty()) return;
  waiting_.erase(0, write_all(head_, waiting_));
  const std::size_t kept = std::min(waiting_.size(), kMostWaiting);
  cut_ += waiting_.size() - kept;
  waiting_.resize(kept);
}

void OutputLog::write_tail(std::string_view bytes) {
  if (tail_ < 0) tail_ = make(tail_of(file_));
  write_all(tail_, bytes);
  tail_bytes_ += bytes.size();
  if (tail_bytes_ < bounds_.tail) return;
  close(tail_);
  tail_bytes_ = 0;
  std::error_code ignored;
  fs::rename(tail_of(file_), old_tail_of(file_), ignored);
}

void OutputLog::finish() {
  cut_ += waiting_.size();
  cut_ -= write_all(head_, std::exchange(waiting_, {}));
  if (bytes_ > head_bytes_) {
    close(tail_);
    std::error_code ignored;
    // A present tail that has just begun has no file yet, or that of an earlier one.
    const std::string present = tail_bytes_ > 0 ? last_bytes(tail_of(file_), bounds_.tail) : std::string();
    const std::string tail = last_bytes(last_bytes(old_tail_of(file_), bounds_.tail), present, bounds_.tail);
    const std::uint64_t between = bytes_ - head_bytes_ - tail.size();
    cut_ += between;
    if (between > 0) write_all(head_, fmt::format("\n[... {} bytes were cut here ...]\n", between));
    cut_ += tail.size() - write_all(head_, tail);
    fs::remove(tail_of(file_), ignored);
    fs::remove(old_tail_of(file_), ignored);
  }
  close(head_);
}

fs::path tail_of(const fs::path& log) { return with(log, ".tail"); }
fs::path old_tail_of(const fs::path& log) { return with(log, ".tail.old"); }

std::string end_of_log(const fs::path& file, std::uint64_t most_bytes) {
  std::string end = last_bytes(tail_of(file), most_bytes);
  for (const fs::path& before : {old_tail_of(file), file}) {
    if (end.size() >= most_bytes) break;
    end.insert(0, last_bytes(before, most_bytes - end.size()));
  }
  return end;
}

}  // namespace drydock::runtime
