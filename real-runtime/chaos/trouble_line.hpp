// How a worker process hears what is wrong with it: a socket, on which whoever carries out faults tells each worker its present troubles.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/chaos/worker_trouble.hpp"
#include "real-runtime/event_loop.hpp"
#include "real-runtime/private_server.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace drydock::runtime::chaos {

// The side that tells.
class TroubleTeller {
 public:
  static Result<std::unique_ptr<TroubleTeller>> start(EventLoop& loop);
  ~TroubleTeller();
  TroubleTeller(const TroubleTeller&) = delete;
  TroubleTeller& operator=(const TroubleTeller&) = delete;

  [[nodiscard]] std::filesystem::path socket() const;
  // To each process of this worker, now and whenever one connects.
  void tell(WorkerId worker, const WorkerTrouble& trouble);

 private:
  struct Listener {
    int descriptor = -1;
    std::optional<WorkerId> worker;  // once it has said
    std::string said;
    std::unique_ptr<EventLoop::Socket> socket;
  };
  explicit TroubleTeller(EventLoop& loop) : loop_(loop) {}
  void accept();
  void hear(Listener& listener);
  static void send(Listener& listener, const std::string& line);
  static void close(Listener& listener);

  EventLoop& loop_;
  TemporaryFolder folder_;
  int descriptor_ = -1;
  std::unique_ptr<EventLoop::Socket> listening_;
  std::list<Listener> listeners_;
  std::map<WorkerId, std::string> lines_;
};

// The side that hears.
class TroubleListener {
 public:
  // Error: nobody listens there.
  static Result<std::unique_ptr<TroubleListener>> connect(EventLoop& loop, const std::filesystem::path& socket,
                                                          WorkerId worker, std::function<void(WorkerTrouble)> told);
  ~TroubleListener();
  TroubleListener(const TroubleListener&) = delete;
  TroubleListener& operator=(const TroubleListener&) = delete;

 private:
  explicit TroubleListener(std::function<void(WorkerTrouble)> told) : told_(std::move(told)) {}
  void hear();

  int descriptor_ = -1;
  std::function<void(WorkerTrouble)> told_;
  std::string heard_;
  std::unique_ptr<EventLoop::Socket> socket_;
};

}  // namespace drydock::runtime::chaos
