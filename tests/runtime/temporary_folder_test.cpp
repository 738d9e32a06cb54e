#include "real-runtime/private_server.hpp"
#include "tests/runtime/job_world.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>
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

}  // namespace
}  // namespace drydock::runtime::temporary_folder_test
