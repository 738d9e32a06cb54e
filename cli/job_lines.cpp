#ifdef DRYDOCK_WITH_RUNTIME

#include "cli/job_lines.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace drydock::cli {

namespace {

// Looks between two reads whether it is to stop: a terminal, or a pipe, may say nothing for long.
class StoppableSource final : public scenarios::ByteSource {
 public:
  StoppableSource(int descriptor, bool owned, const std::atomic<bool>& stop)
      : descriptor_(descriptor), owned_(owned), stop_(stop) {}
  ~StoppableSource() override {
    if (owned_) ::close(descriptor_);
  }
  StoppableSource(const StoppableSource&) = delete;
  StoppableSource& operator=(const StoppableSource&) = delete;

  std::size_t read(char* to, std::size_t most) override {
    constexpr int kLookEveryMs = 100;
    while (!error_ && !stop_.load()) {
      pollfd entry{.fd = descriptor_, .events = POLLIN, .revents = 0};
      if (::poll(&entry, 1, kLookEveryMs) <= 0) continue;
      const ssize_t got = ::read(descriptor_, to, most);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN) error_ = fmt::format("cannot be read: {}", std::strerror(errno));
    }
    return 0;
  }
  [[nodiscard]] std::optional<std::string> error() const override { return error_; }

 private:
  int descriptor_;
  bool owned_;
  const std::atomic<bool>& stop_;
  std::optional<std::string> error_;
};

// What a reader says of text in one line.
std::string without_line_one(std::string message) {
  constexpr std::string_view kLineOne = "line 1, ";
  if (const std::size_t at = message.find(kLineOne); at != std::string::npos) message.erase(at, kLineOne.size());
  return message;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace

Result<std::unique_ptr<JobLines>> JobLines::open(const std::string& path, const std::vector<runtime::NamedQueue>& queues,
                                                 const std::atomic<bool>& stop) {
  if (path == "-") {
    auto source = std::make_unique<StoppableSource>(STDIN_FILENO, false, stop);
    return std::unique_ptr<JobLines>(new JobLines("standard input", std::move(source), queues));
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error{fmt::format("--jobs {}: cannot be opened: {}", path, std::strerror(errno))};
  auto source = std::make_unique<StoppableSource>(descriptor, true, stop);
  return std::unique_ptr<JobLines>(new JobLines(path, std::move(source), queues));
}

JobLines::JobLines(std::string label, std::unique_ptr<scenarios::ByteSource> source,
                   const std::vector<runtime::NamedQueue>& queues)
    : label_(std::move(label)), reader_(std::move(source), kLongestLine), queues_(queues) {}

Error JobLines::at_line(std::uint64_t line, const std::string& message) const {
  return {fmt::format("{}:{}: {}", label_, line, without_line_one(message))};
}

Result<std::optional<JobBatch>> JobLines::next() {
  JobBatch batch{.number = batches_};
  runtime::JobRequests requests;
  requests.listed = true;
  std::size_t bytes = 0;
  std::string_view line;
  while (batch.jobs.size() < kMostInBatch && bytes < kMostBytesInBatch && reader_.next(line)) {
    if (is_blank(line)) continue;
    const std::uint64_t number = reader_.line_number();
    if (line.find('\0') != std::string_view::npos) return at_line(number, "has a NUL byte, which is no part of JSON");
    auto request = runtime::read_job_request(line);
    if (!request) return at_line(number, request.error().message);
    auto job = runtime::in_queue(request.value(), queues_);
    if (!job) return at_line(number, job.error().message);
    if (batch.jobs.empty()) batch.first_line = number;
    batch.last_line = number;
    bytes += job.value().payload.size();
    batch.jobs.push_back(std::move(job).value());
    requests.jobs.push_back(std::move(request).value());
  }
  if (reader_.error()) return Error{fmt::format("{}: {}", label_, *reader_.error())};
  if (batch.jobs.empty()) return std::optional<JobBatch>{};
  batch.digest = digest_of(requests);
  ++batches_;
  return std::optional(std::move(batch));
}

}  // namespace drydock::cli

#endif
