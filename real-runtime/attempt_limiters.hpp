// A limiter for each attempt of a worker: a socket of its own in a temporary folder, so that what it asks for is known to be its, and is
// given back when it ends, however it ends.
#pragma once

#include "policies/core/ids.hpp"
#include "policies/core/result.hpp"
#include "real-runtime/limiter_server.hpp"
#include "real-runtime/private_server.hpp"
#include "real-runtime/share_driver.hpp"

#include <map>
#include <optional>
#include <string>

namespace drydock::runtime {

class AttemptLimiters {
 public:
  // Both outlive it. `user`: the one that jobs run as, if another one; the sockets are theirs.
  AttemptLimiters(ShareDriver& shares, LimiterServer& server, std::optional<User> user)
      : shares_(shares), server_(server), user_(user) {}
  AttemptLimiters(const AttemptLimiters&) = delete;
  AttemptLimiters& operator=(const AttemptLimiters&) = delete;

  // Makes the folder.
  [[nodiscard]] std::optional<Error> prepare();
  // The path of its socket, for JobRunner; empty, with a line on the error output, where there can be none.
  [[nodiscard]] std::string open(AttemptId attempt);
  // Nothing of it runs any more.
  void close(AttemptId attempt);

 private:
  ShareDriver& shares_;
  LimiterServer& server_;
  std::optional<User> user_;
  TemporaryFolder folder_;
  std::map<AttemptId, HolderId> holders_;
};

}  // namespace drydock::runtime
