// Writes jobs into the store, again until that is certain. Whoever leads finds them there.
#pragma once

#include "policies/ports/postgres.hpp"
#include "real-runtime/async_postgres.hpp"
#include "real-runtime/event_loop.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace drydock::runtime {

class JobSubmitter {
 public:
  JobSubmitter(EventLoop& loop, PostgresClientOptions options);

  // Their ids are new.
  void submit(std::vector<postgres::Job> jobs);

  // All are in the store.
  [[nodiscard]] bool done() const { return jobs_.empty(); }
  [[nodiscard]] std::uint64_t submitted() const { return submitted_; }  // that are
  // Of any job so far: a leader that has come to it knows of all of them.
  [[nodiscard]] std::int64_t last_arrival() const { return last_arrival_; }

 private:
  void send();
  void sent(const postgres::Reply& reply);

  EventLoop& loop_;
  std::deque<postgres::Job> jobs_;
  std::size_t sending_ = 0;  // from the front, on their way
  std::uint64_t submitted_ = 0;
  std::int64_t last_arrival_ = 0;
  EventLoop::Timer again_;
  AsyncPostgres postgres_;  // last: it ends first
};

}  // namespace drydock::runtime
