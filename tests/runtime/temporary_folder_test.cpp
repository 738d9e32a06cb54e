#include "real-runtime/private_server.hpp"
#include "tests/runtime/job_world.hpp"

#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace drydock::runtime::temporary_folder_test {
namespace {

namespace fs = std::filesystem;

// Each looks for left-overs while the others make theirs: one that is new and not locked yet looks like one.
TEST(TemporaryFolder, ManyAreMadeAtOnce) {
  const TestFolder parent;
  std::atomic<int> failed = 0;
  std::atomic<int> gone = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        TemporaryFolder folder;
        if (folder.make({.prefix = "many-", .parent = parent.path(), .socket = {}})) ++failed;
        else if (!fs::exists(folder.path() / "lock")) ++gone;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(gone, 0);
  EXPECT_TRUE(fs::is_empty(parent.path()));
}

TEST(TemporaryFolder, WhatADeadOwnerLeftIsRemoved) {
  const TestFolder parent;
  const fs::path left = parent.path() / "kind-abcdef";
  fs::create_directories(left / "deep" / "er");
  std::ofstream(left / "lock") << "";
  std::ofstream(left / "deep" / "file") << "x";
  const fs::path other = parent.path() / "other-abcdef";
  fs::create_directories(other);
  std::ofstream(other / "lock") << "";
  TemporaryFolder living;
  ASSERT_FALSE(living.make({.prefix = "kind-", .parent = parent.path(), .socket = {}}));
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(other)) << "of another kind";
  TemporaryFolder second;
  ASSERT_FALSE(second.make({.prefix = "kind-", .parent = parent.path(), .socket = {}}));
  EXPECT_TRUE(fs::exists(living.path())) << "its owner lives";
}

// A job can make a link that is called as such folders are, to one that has a file that is called as their locks are.
TEST(TemporaryFolder, ALinkIsNoLeftOver) {
  const TestFolder parent;
  const fs::path others = parent.path() / "others";
  fs::create_directories(others / "deep");
  std::ofstream(others / "lock") << "";
  fs::create_directory_symlink(others, parent.path() / "kind-abcdef");
  TemporaryFolder folder;
  ASSERT_FALSE(folder.make({.prefix = "kind-", .parent = parent.path(), .socket = {}}));
  EXPECT_TRUE(fs::exists(others / "deep"));
  EXPECT_TRUE(fs::exists(others / "lock"));
}

TEST(TemporaryFolder, WhatAnotherUserMadeIsNoLeftOver) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const TestFolder parent;
  const fs::path made = parent.path() / "kind-abcdef";
  fs::create_directories(made);
  std::ofstream(made / "lock") << "";
  ASSERT_EQ(::chown((made / "lock").c_str(), 65534, 65534), 0);
  TemporaryFolder folder;
  ASSERT_FALSE(folder.make({.prefix = "kind-", .parent = parent.path(), .socket = {}}));
  EXPECT_TRUE(fs::exists(made));
}

// Where there are no more descriptors, say: no folder is left of those that could not be locked.
TEST(TemporaryFolder, WhatCannotBeLockedIsNotLeft) {
  const TestFolder parent;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  int free_one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(free_one);
  const rlimit none{static_cast<rlim_t>(free_one), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  TemporaryFolder folder;
  const auto problem = folder.make({.prefix = "kind-", .parent = parent.path(), .socket = {}});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(problem);
  EXPECT_TRUE(fs::is_empty(parent.path()));
}

}  // namespace
}  // namespace drydock::runtime::temporary_folder_test
