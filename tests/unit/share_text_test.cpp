#include "policies/ports/share_text.hpp"

#include "policies/catalog.hpp"

#include <gtest/gtest.h>

namespace drydock::share_text_test {
namespace {

using namespace std::chrono_literals;

ShareLedgerState some_state() {
  const WorkerReport first{.worker = {1}, .weight = 3, .active = true, .active_tasks = 2, .load = {2, 80, 4000}};
  const WorkerReport second{.worker = {7}, .weight = 1, .active = false, .active_tasks = 0, .load = {}};
  return {.store = StoreIdentity{0xffff'ffff'ffff'fff0U},
          .latest = kTimeZero + 5s,
          .closed_until = kTimeZero + 20s,
          .holders = {{.worker = {1},
                       .incarnation = 4,
                       .number = RequestId{9},
                       .report = first,
                       .granted = {10, 200, 10'000},
                       .held = {20, 400, kNoLimit},
                       .until = kTimeZero + 15s}},
          .published = {{first, kTimeZero + 1s}, {second, kTimeZero + 2s}}};
}

TEST(ShareText, AStateIsReadAsItWasWritten) {
  const std::string text = to_json(some_state());
  const auto read = parse_ledger(text);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(to_json(read.value()), text);
  EXPECT_EQ(read.value().holders.front().held, (Share{20, 400, kNoLimit}));
  EXPECT_EQ(read.value().store, some_state().store);
  EXPECT_EQ(read.value().published.at(1).report, some_state().published.at(1).report);
}

TEST(ShareText, WhatIsNoStateIsRefusedWithAReason) {
  const std::string good = to_json(some_state());
  const auto problem = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    const auto read = parse_ledger(text);
    return read.ok() ? std::string() : read.error().message;
  };
  EXPECT_EQ(parse_ledger("[]").error().message, "not a JSON object");
  EXPECT_EQ(problem("\"version\":1", "\"version\":2"), "\"version\" is not a whole number from 1 to 1");
  EXPECT_EQ(problem("\"latest_ns\":5000000000,", ""), "\"latest_ns\" is missing");
  EXPECT_EQ(problem("[10,200,10000]", "[10,200]"), "\"granted\" is not a list of three numbers");
  EXPECT_EQ(problem("[10,200,10000]", "[-1,200,10000]"),
            "\"granted\" has a part that is not a whole number from 0 to 1125899906842624");
  EXPECT_EQ(problem("\"weight\":3", "\"weight\":0"), "\"weight\" is not a whole number from 1 to 1000000");
  EXPECT_EQ(problem("\"worker\":7", "\"worker\":0"), "\"published\" are not in order");
  EXPECT_EQ(problem("\"store\":\"18446744073709551600\"", "\"store\":\"x\""), "\"store\" is not a number in a text");
}

TEST(ShareText, AReadingChangesNothing) {
  const auto policy = make_share(configure(*find_policy(PolicyFamily::share, "equal-active"), {}));
  const ShareLimits limits{.total = {40, 800, 40'000}, .base = {10, 200, 10'000}};
  const StoreIdentity store = store_identity("a");
  const auto published =
      take_turn(limits, *policy, std::nullopt, kTimeZero, store, PublishReport{some_state().published.front().report});
  ASSERT_TRUE(published.ok());
  ASSERT_TRUE(published.value().state);
  const auto read = take_turn(limits, *policy, published.value().state, kTimeZero, store, ReadReports{});
  EXPECT_FALSE(read.value().state);
  EXPECT_EQ(std::get<ReportsRead>(read.value().reply).reports.size(), 1U);
  const auto elsewhere = take_turn(limits, *policy, published.value().state, kTimeZero, store_identity("b"), ReadReports{});
  EXPECT_TRUE(std::get<ReportsRead>(elsewhere.value().reply).reports.empty()) << "another store knows nothing";
}

}  // namespace
}  // namespace drydock::share_text_test
