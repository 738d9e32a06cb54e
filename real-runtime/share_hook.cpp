#include "real-runtime/share_hook.hpp"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <utility>

namespace drydock::runtime {

namespace {

std::string part_in_words(std::int64_t part, std::int64_t total) {
  return total == kNoLimit ? std::string("unlimited") : std::to_string(part);
}

void add_share(std::vector<std::string>& words, std::string_view before, const Share& share, const Share& total) {
  words.push_back(fmt::format("DRYDOCK_SHARE_{}CONCURRENT={}", before, part_in_words(share.concurrency, total.concurrency)));
  words.push_back(
      fmt::format("DRYDOCK_SHARE_{}RPM={}", before, part_in_words(share.requests_per_minute, total.requests_per_minute)));
  words.push_back(
      fmt::format("DRYDOCK_SHARE_{}TPM={}", before, part_in_words(share.tokens_per_minute, total.tokens_per_minute)));
}

}  // namespace

std::vector<std::string> share_hook_words(const std::string& command, const ShareChange& change, const Share& total) {
  std::vector<std::string> words{"env", fmt::format("DRYDOCK_WORKER={}", change.worker.value)};
  add_share(words, "", change.to, total);
  add_share(words, "BEFORE_", change.from, total);
  for (const char* word : {"/bin/sh", "-c"}) words.emplace_back(word);
  words.push_back(command);
  return words;
}

ShareHook::ShareHook(EventLoop& loop, std::string command, Share total)
    : loop_(loop), command_(std::move(command)), total_(total), too_long_(loop, [this] {
        fmt::print(stderr, "--on-share-change: the command is killed: it runs for longer than {:g} s\n", seconds(kLongest));
        if (child_) child_->kill(SIGKILL);
      }) {}

void ShareHook::changed(const ShareChange& change) {
  if (child_ == nullptr) return run(change);
  const Share from = next_ ? next_->from : change.from;
  next_ = ShareChange{change.worker, from, change.to};
}

void ShareHook::run(const ShareChange& change) {
  auto child = EventLoop::Child::start(loop_, share_hook_words(command_, change, total_),
                                       [this](EventLoop::Child::End end) { ended(end); });
  if (!child) return fmt::print(stderr, "--on-share-change: the command cannot be started: {}\n", child.error().message);
  child_ = std::move(child).value();
  too_long_.start(later(loop_.now(), kLongest));
}

void ShareHook::ended(EventLoop::Child::End end) {
  too_long_.stop();
  child_.reset();
  if (end.signal != 0) fmt::print(stderr, "--on-share-change: the command was ended by signal {}\n", end.signal);
  else if (end.status != 0) fmt::print(stderr, "--on-share-change: the command ended with status {}\n", end.status);
  if (const auto next = std::exchange(next_, std::nullopt)) run(*next);
}

}  // namespace drydock::runtime
