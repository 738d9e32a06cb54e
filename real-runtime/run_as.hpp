// With whose rights jobs run.
#pragma once

#include "policies/core/result.hpp"
#include "real-runtime/private_server.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace drydock::runtime {

// The user of that name or number. For a worker that was started as root; any other cannot choose.
[[nodiscard]] Result<User> find_user(const std::string& name);

// For good; in a process of one thread, of root. False: it has not, and must do nothing more.
[[nodiscard]] bool become_user(const User& user);

// What is done while it lives is done with the user's rights over files; with none given, with those of this process. For processes of
// one thread.
class WithRightsOf {
 public:
  explicit WithRightsOf(const std::optional<User>& user);
  ~WithRightsOf();
  WithRightsOf(const WithRightsOf&) = delete;
  WithRightsOf& operator=(const WithRightsOf&) = delete;

 private:
  bool changed_ = false;
  uid_t user_ = 0;
  gid_t group_ = 0;
  std::vector<gid_t> groups_;
};

}  // namespace drydock::runtime
