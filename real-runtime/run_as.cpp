#include "real-runtime/run_as.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <system_error>
#include <unistd.h>

namespace drydock::runtime {

Result<User> find_user(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) {
    uid_t number = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && rest == name.data() + name.size()) entry = ::getpwuid(number);
  }
  if (entry == nullptr) return Error{fmt::format("there is no user {} to run jobs as", name)};
  return User{entry->pw_uid, entry->pw_gid};
}

bool become_user(const User& user) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0 ||
      ::setresuid(user.uid, user.uid, user.uid) != 0) {
    return false;
  }
  // That it cannot be undone is the point of it.
  return user.uid == 0 || ::setuid(0) != 0;
}

WithRightsOf::WithRightsOf(const std::optional<User>& user) {
  if (!user) return;
  user_ = ::geteuid();
  group_ = ::getegid();
  groups_.resize(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  groups_.resize(static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups_.size()), groups_.data()))));
  changed_ = true;
  const bool done = ::setgroups(0, nullptr) == 0 && ::setegid(user->gid) == 0 && ::seteuid(user->uid) == 0;
  DRYDOCK_CHECK(done, "the rights of another user cannot be taken");
}

WithRightsOf::~WithRightsOf() {
  if (!changed_) return;
  const bool done = ::seteuid(user_) == 0 && ::setegid(group_) == 0 && ::setgroups(groups_.size(), groups_.data()) == 0;
  DRYDOCK_CHECK(done, "own rights cannot be had again");
}

}  // namespace drydock::runtime
