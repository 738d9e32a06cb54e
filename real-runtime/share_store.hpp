// Where the agents of shares meet: the core's ledger (policies/core/share_ledger.hpp) between two turns, in Redis or in a locked file.
#pragma once

#include "policies/core/events.hpp"
#include "policies/core/share_ledger.hpp"
#include "real-runtime/async_redis.hpp"
#include "real-runtime/event_loop.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace drydock::runtime {

class ShareStore {
 public:
  using Callback = std::function<void(Answer, const LedgerReply&)>;
  virtual ~ShareStore() = default;
  // The callback is called at most once, later: not from within. Not when another operation comes before this one was begun, and not when
  // this object ends before. Failed: nothing was changed.
  virtual void ask(const LedgerOperation& operation, Callback callback) = 0;
  // Why the last operation was not done, for people; empty if it was.
  [[nodiscard]] virtual const std::string& problem() const = 0;
  // Lets others read this worker's state, for a while. For people: nobody is told whether it was written.
  virtual void show(const std::string& /*status*/) {}
};

// What all processes that share something must have the same.
struct ShareTerms {
  ShareLimits limits;
  const SharePolicy* policy = nullptr;  // it outlives the store
};

// In the hash share:<ledger>, read and written by redis::ReadLedger and redis::SwapLedger, on the clock of Redis. Without a connection an
// operation waits for one, unless another one comes meanwhile.
class RedisShareStore final : public ShareStore {
 public:
  // So often is an operation tried when others write at the same time, each time by a script that they cannot interrupt.
  static constexpr int kTries = 50;

  RedisShareStore(EventLoop& loop, const RedisClientOptions& redis, ShareTerms terms, std::string ledger, WorkerId worker);
  void ask(const LedgerOperation& operation, Callback callback) override;
  [[nodiscard]] const std::string& problem() const override;
  void show(const std::string& status) override;

 private:
  struct Turn {
    LedgerOperation operation;
    Callback callback;
    int tries = 0;
  };
  void begin(const std::shared_ptr<Turn>& turn);
  void take(const std::shared_ptr<Turn>& turn, const redis::Reply& read);
  void written(const std::shared_ptr<Turn>& turn, const LedgerReply& reply, const std::string& token,
               const redis::Reply& answer);
  void fail(const Turn& turn, Answer answer, std::string why);

  ShareTerms terms_;
  std::string ledger_;
  std::string prefix_;
  WorkerId worker_;
  std::string life_;  // what no other process writes in its tokens
  std::uint64_t writings_ = 0;
  std::string problem_;
  std::shared_ptr<Turn> waiting_;  // for the connection
  AsyncRedis redis_;
};

// The key in Redis of what show() says; for a minute.
[[nodiscard]] std::string share_status_key(std::string_view ledger, WorkerId worker);

// In a file, for processes of one machine: FILE is replaced as a whole (FILE.new, renamed), by whoever holds the lock of FILE.lock. Its
// clock is the machine's, from its start on: nobody sets that. A file that is gone, a copy of one, and one of another boot count as lost.
class FileShareStore final : public ShareStore {
 public:
  FileShareStore(EventLoop& loop, std::filesystem::path file, ShareTerms terms, Duration lock_time);
  void ask(const LedgerOperation& operation, Callback callback) override;
  [[nodiscard]] const std::string& problem() const override { return problem_; }

 private:
  struct Asked {
    LedgerOperation operation;
    Callback callback;
    Time give_up_at{};
  };
  void try_now();
  void answer(Answer answer, const LedgerReply& reply, std::string problem);

  EventLoop& loop_;
  std::filesystem::path file_;
  ShareTerms terms_;
  Duration lock_time_;  // that others may hold the lock
  std::deque<Asked> asked_;
  std::string problem_;
  EventLoop::Timer timer_;
};

// One turn at the file, now. Nothing: another process holds its lock.
[[nodiscard]] Result<std::optional<LedgerReply>> take_file_turn(const std::filesystem::path& file, const ShareTerms& terms,
                                                                const LedgerOperation& operation);

// The clock of a machine, which goes on while it sleeps and which nobody sets (CLOCK_BOOTTIME): that of agents and limiters.
[[nodiscard]] Time machine_time();

}  // namespace drydock::runtime
