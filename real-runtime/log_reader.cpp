#include "real-runtime/log_reader.hpp"

#include "real-runtime/output_log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace drydock::runtime {

namespace {

constexpr const char* kMissing = "\n[... some may be missing here ...]\n";

}  // namespace

LogReader::LogReader(std::filesystem::path file) : file_(std::move(file)) {}

LogReader::~LogReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string LogReader::take() const {
  std::string text(kMostAtOnce, '\0');
  ssize_t got = -1;
  do {
    got = ::read(descriptor_, text.data(), text.size());
  } while (got < 0 && errno == EINTR);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

bool LogReader::turn_to(const std::filesystem::path& file) {
  const int next = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (next < 0) return false;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = next;
  struct stat status {};
  if (::fstat(next, &status) == 0) at_ = {status.st_dev, status.st_ino};
  return true;
}

bool LogReader::is_at(const std::filesystem::path& file) const {
  struct stat status {};
  return ::lstat(file.c_str(), &status) == 0 && Identity{status.st_dev, status.st_ino} == at_;
}

// The head, then one tail after the other, of which the last two are there. A log that has ended is a head alone.
std::string LogReader::read_more() {
  if (descriptor_ < 0 && !turn_to(file_)) return {};
  std::error_code ignored;
  const std::filesystem::path tail = tail_of(file_);
  const std::filesystem::path old_tail = old_tail_of(file_);
  const bool more = std::filesystem::exists(tail, ignored) || std::filesystem::exists(old_tail, ignored);
  std::string text = take();
  if (!text.empty() || !more) return text;
  if (std::exchange(in_head_, false)) {
    // A full tail may be the first, right behind the head; or not.
    if (turn_to(old_tail)) return kMissing + take();
    return turn_to(tail) ? take() : std::string();
  }
  if (is_at(tail)) return {};
  // Nothing is added to it any more, but may have been since.
  const bool next_is_there = is_at(old_tail);
  if (std::string rest = take(); !rest.empty()) return rest;
  if (next_is_there) return turn_to(tail) ? take() : std::string();
  return turn_to(old_tail) || turn_to(tail) ? kMissing + take() : std::string();
}

}  // namespace drydock::runtime
