#include "policies/ports/worker_text.hpp"

#include "policies/core/rng.hpp"
#include "policies/ports/counter_orders.hpp"
#include "policies/ports/registry_reader.hpp"
#include "policies/ports/worker_text_quick.hpp"

#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drydock::worker_text_test {
namespace {

using namespace std::chrono_literals;

TEST(WorkerText, MailComesBackAsItWas) {
  const AttemptId attempt{JobId{7}, 2};
  const Resources held = make_resources({.cpus_milli = 1500, .memory_bytes = 1 << 20, .gpus = 1, .slots = 2});
  const std::array<decltype(WorkerMail::body), 6> bodies{
      RunAttempt{.attempt = attempt, .tasks = 2, .held = held, .progress = 5s, .payload = "{\"a\": \"\\n\"}"},
      StopRun{attempt},
      ReportTaken{attempt},
      Superseded{},
      AskHeld{},
      DrainNoted{}};
  for (const auto& body : bodies) {
    const WorkerMail mail{.epoch = 3, .incarnation = 4, .body = body};
    const auto back = parse_mail(to_json(mail));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back.value(), mail) << to_json(mail);
  }
}

TEST(WorkerText, ReportsComeBackAsTheyWere) {
  for (const ReportKind kind : {ReportKind::accepted, ReportKind::succeeded, ReportKind::failed, ReportKind::stopped}) {
    const AttemptReport report{
        .worker = WorkerId{1}, .incarnation = 2, .attempt = {JobId{3}, 4}, .kind = kind, .progress = 5ms};
    const auto back = parse_report(to_json(report));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back.value(), AnyReport(report));
  }
  const HeldReport held{.worker = WorkerId{1},
                        .incarnation = 2,
                        .epoch = 3,
                        .attempts = {{.attempt = {JobId{4}, 5}, .age = 6s},
                                     {.attempt = {JobId{7}, 8}, .kind = ReportKind::stopped, .progress = 9ms}}};
  const auto back = parse_report(to_json(held));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back.value(), AnyReport(held));
}

TEST(WorkerText, WhatIsNotOursIsRefusedWithTheReason) {
  for (const char* text :
       {"", "[]", "7", "{\"epoch\":1}", R"({"epoch":1,"incarnation":1})",
        R"({"epoch":1,"incarnation":1,"run":{"job":1,"attempt":0}})", R"({"epoch":1,"incarnation":-1,"superseded":{}})",
        R"({"epoch":1,"incarnation":1,"stop":{"job":-1,"attempt":1}})",
        R"({"epoch":99999999999999999999,"incarnation":1,"superseded":{}})"}) {
    const auto mail = parse_mail(text);
    EXPECT_FALSE(mail.ok()) << text;
    if (!mail.ok()) {
      EXPECT_FALSE(mail.error().message.empty());
    }
  }
  EXPECT_FALSE(parse_report(R"({"worker":0,"incarnation":1,"job":1,"attempt":1,"report":"lost","progress_ns":0})").ok());
  EXPECT_FALSE(parse_report(R"({"worker":0,"incarnation":1,"epoch":2,"held":7})").ok());
  EXPECT_FALSE(parse_report(R"({"worker":0,"incarnation":1,"epoch":2,"held":[{"job":1,"attempt":1}]})").ok());
  EXPECT_FALSE(parse_report(R"({"worker":0,"incarnation":1,"held":[]})").ok());
}

// The quick reader and writer against the general ones: what to_json() makes is canonical JSON, and the same value written in
// another way is read as the same.
TEST(WorkerText, TheQuickFormSaysTheSameAsTheGeneralOne) {
  const AttemptId attempt{JobId{7}, 2};
  const Resources held = make_resources({.cpus_milli = 1500, .memory_bytes = 1 << 20, .gpus = 1, .slots = 2});
  std::vector<WorkerMail> mails;
  for (const char* payload : {"", "{\"a\": \"\\n\"}", "\\", "\"", "a\nb", "\x7f", "gr\xc3\xbc\xc3\x9f", "\\u0041"}) {
    mails.push_back({.epoch = 3,
                     .incarnation = 4,
                     .body = RunAttempt{.attempt = attempt, .tasks = 2, .held = held, .progress = 5s, .payload = payload}});
  }
  mails.push_back({.epoch = 0, .incarnation = 0, .body = StopRun{attempt}});
  mails.push_back({.epoch = std::numeric_limits<std::int64_t>::max(), .incarnation = 1, .body = ReportTaken{attempt}});
  for (const WorkerMail& mail : mails) {
    const std::string text = to_json(mail);
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(text, json.dump());
    for (const std::string& form : {text, json.dump(1)}) {
      const auto back = parse_mail(form);
      ASSERT_TRUE(back.ok()) << back.error().message;
      EXPECT_EQ(back.value(), mail) << form;
    }
  }
  for (std::size_t kind = 0; kind < kReportKinds.size(); ++kind) {
    const AttemptReport report{
        .worker = WorkerId{1}, .incarnation = 2, .attempt = attempt, .kind = static_cast<ReportKind>(kind), .progress = 5ms};
    const std::string text = to_json(report);
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(text, json.dump());
    EXPECT_EQ(parse_report(json.dump(1)).value(), AnyReport(report));
    EXPECT_EQ(quick_report(text), report);
  }
  EXPECT_TRUE(quick_mail(to_json(mails[1])).has_value()) << "the common case is not quick";
}

// Each text cut short, and with each of its bytes another one, is read by the quick reader only as the general one reads it.
TEST(WorkerText, TheQuickReaderTakesNothingThatIsNoJson) {
  const AttemptId attempt{JobId{107}, 2};
  const WorkerMail mail{
      .epoch = 3,
      .incarnation = 4,
      .body = RunAttempt{.attempt = attempt, .tasks = 2, .held = make_resources({}), .payload = "{\"a\":1}"}};
  const auto agrees = [](const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const auto quick = quick_mail(text);
    if (!quick) return true;
    return !json.is_discarded() && to_json(*quick) == json.dump();
  };
  const std::string text = to_json(mail);
  for (std::size_t at = 0; at < text.size(); ++at) {
    EXPECT_TRUE(agrees(text.substr(0, at))) << at;
    for (const char c : std::string("0917-+.e\"\\{}, \n\x01\x80")) {
      std::string other = text;
      other[at] = c;
      EXPECT_TRUE(agrees(other)) << other;
      EXPECT_TRUE(agrees(text.substr(0, at) + c + text.substr(at))) << at << " " << c;
    }
  }
}

TEST(WorkerText, MessagesGoTogetherAndAreTakenApart) {
  Bundle bundle;
  EXPECT_TRUE(bundle.empty());
  const std::array<WorkerMail, 2> mails{WorkerMail{.epoch = 1, .incarnation = 1, .body = Superseded{}},
                                        WorkerMail{.epoch = 1, .incarnation = 1, .body = AskHeld{}}};
  for (const WorkerMail& mail : mails) bundle.add(mail);
  EXPECT_FALSE(bundle.full());
  const std::string payload = bundle.take();
  EXPECT_TRUE(bundle.empty());
  const auto messages = messages_of(payload);
  ASSERT_EQ(messages.size(), mails.size());
  for (std::size_t i = 0; i < mails.size(); ++i) EXPECT_EQ(messages[i], to_json(mails[i]));
  EXPECT_EQ(messages_of("one"), std::vector<std::string_view>{"one"}) << "as they were sent before they were bundled";
  bundle.add(
      WorkerMail{.epoch = 1,
                 .incarnation = 1,
                 .body = RunAttempt{.attempt = {JobId{1}, 1}, .held = {}, .payload = std::string(Bundle::kFull, 'a')}});
  EXPECT_TRUE(bundle.full());
}

TEST(WorkerText, WhatIsSaidOfManyJobsIsSaidOnce) {
  Bundle bundle;
  for (std::uint64_t job = 1; job <= 3; ++job) {
    bundle.add(AttemptReport{.worker = WorkerId{1}, .incarnation = 2, .attempt = {JobId{job}, 1}});
  }
  EXPECT_TRUE(bundle.take().ends_with("\n2\n3"));
  bundle.add(AttemptReport{.worker = WorkerId{1}, .incarnation = 2, .attempt = {JobId{4}, 1}});
  EXPECT_TRUE(bundle.take().starts_with("{")) << "each payload can be read by itself";
}

// By seed: messages with little that differs, among them such as are about no job.
TEST(WorkerText, ABundleIsReadAsWhatWasPutIntoIt) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, "messages");
    const auto pick = [&](std::uint32_t below) { return static_cast<std::uint32_t>(rng.below(below)); };
    Bundle mail_bundle;
    Bundle report_bundle;
    std::vector<WorkerMail> mails;
    std::vector<AnyReport> reports;
    for (int i = 0; i < 40; ++i) {
      const AttemptId attempt{JobId{pick(1000)}, 1 + pick(2)};
      WorkerMail mail{.epoch = 1 + pick(2), .incarnation = 1 + pick(2), .body = Superseded{}};
      const std::uint32_t kind = pick(8);
      if (kind < 4)
        mail.body = RunAttempt{.attempt = attempt, .tasks = 1 + pick(2), .held = {}, .payload = pick(2) == 0 ? "a" : "7"};
      else if (kind < 6) mail.body = ReportTaken{attempt};
      else if (kind < 7) mail.body = StopRun{attempt};
      mail_bundle.add(mails.emplace_back(mail));
      const AttemptReport report{
          .worker = WorkerId{1}, .incarnation = 1 + pick(2), .attempt = attempt, .kind = static_cast<ReportKind>(pick(2))};
      const HeldReport held{.worker = WorkerId{1}, .incarnation = 1, .epoch = 1, .attempts = {{.attempt = attempt}}};
      reports.push_back(kind == 7 ? AnyReport(held) : AnyReport(report));
      std::visit([&](const auto& r) { report_bundle.add(r); }, reports.back());
    }
    MailReader mail_reader;
    std::vector<WorkerMail> mails_read;
    const std::string mail_payload = mail_bundle.take();
    for (const std::string_view line : messages_of(mail_payload)) mails_read.push_back(mail_reader.read(line).value());
    EXPECT_EQ(mails_read, mails);
    ReportReader report_reader;
    std::vector<AnyReport> reports_read;
    const std::string report_payload = report_bundle.take();
    for (const std::string_view line : messages_of(report_payload)) reports_read.push_back(report_reader.read(line).value());
    EXPECT_EQ(reports_read, reports);
  }
}

TEST(WorkerText, ANumberAloneNeedsAMessageAboutAJobAboveIt) {
  MailReader mails;
  EXPECT_FALSE(mails.read("7").ok());
  EXPECT_TRUE(mails.read(to_json(WorkerMail{.epoch = 1, .incarnation = 1, .body = Superseded{}})).ok());
  EXPECT_FALSE(mails.read("7").ok());
  EXPECT_TRUE(mails.read(to_json(WorkerMail{.epoch = 1, .incarnation = 1, .body = StopRun{{JobId{1}, 1}}})).ok());
  EXPECT_EQ(std::get<StopRun>(mails.read("7").value().body).attempt.job, JobId{7});
  EXPECT_FALSE(mails.read("7 ").ok());
  EXPECT_FALSE(mails.read("8").ok()) << "behind something that nobody can read";
}

redis::WorkerEntry entry_of(std::uint32_t worker, std::uint32_t incarnation,
                            redis::Ttl ttl = {redis::Ttl::State::expiring, 60s}) {
  const WorkerSpec spec{
      .pool = PoolId{0}, .capacity = make_resources({.cpus_milli = 2500, .memory_bytes = 9}), .speed = 1.5};
  BeatFields beat = beat_fields(WorkerId{worker}, spec, {.request = {}, .incarnation = incarnation}, "here");
  beat.fields.merge(beat.touched);
  return {worker_name(WorkerId{worker}), beat.fields, ttl};
}

TEST(WorkerText, AWorkerIsReadAsItRegistered) {
  const redis::WorkerEntry entry = entry_of(12, 3);
  EXPECT_EQ(entry.fields.at("cpus"), "2.500");
  const auto view = parse_worker(entry);
  ASSERT_TRUE(view.ok()) << view.error().message;
  EXPECT_EQ(view.value().worker, WorkerId{12});
  EXPECT_EQ(view.value().incarnation, 3U);
  EXPECT_EQ(view.value().spec.capacity.cpus(), 2500);
  EXPECT_EQ(view.value().spec.capacity.memory(), 9);
  EXPECT_DOUBLE_EQ(view.value().spec.speed, 1.5);
  EXPECT_FALSE(view.value().draining);
}

// As the source systems' heartbeat leaves a key that had expired.
TEST(WorkerText, AKeyWithoutCpusIsNoWorker) {
  redis::WorkerEntry entry = entry_of(1, 1);
  entry.fields.erase("cpus");
  const auto view = parse_worker(entry);
  ASSERT_FALSE(view.ok());
  EXPECT_NE(view.error().message.find("cpus"), std::string::npos);
}

class RegistryReaderTest : public testing::Test {
 protected:
  RegistryReader::Outcome read(Duration at, std::vector<redis::WorkerEntry> entries, const std::string& run_id = "a",
                               const std::string& sentinel = "s") {
    return reader_.take({.request = RequestId{1},
                         .asked = Time{at},
                         .answered = Time{at},
                         .identity = {run_id, sentinel},
                         .workers = {std::move(entries)}},
                        1);
  }
  RegistryReader reader_;
};

TEST_F(RegistryReaderTest, TellsWhatChanged) {
  EXPECT_EQ(read(0s, {entry_of(0, 1), entry_of(1, 1)}).facts.size(), 3U);
  EXPECT_EQ(read(1s, {entry_of(0, 1), entry_of(1, 1)}).facts.size(), 1U) << "nothing";
  const auto outcome = read(100s, {entry_of(1, 2)});
  ASSERT_EQ(outcome.facts.size(), 3U);
  const auto& reading = std::get<RegistryRead>(outcome.facts[0]);
  EXPECT_EQ(reading.entries, 1U);
  EXPECT_EQ(reading.gone, 1U);
  EXPECT_EQ(std::get<WorkerRegistered>(outcome.facts[1]).incarnation, 2U);
  EXPECT_EQ(std::get<LeaseExpired>(outcome.facts[2]).worker, WorkerId{0});
  EXPECT_FALSE(std::get<LeaseExpired>(outcome.facts[2]).early);
}

TEST_F(RegistryReaderTest, TellsOnceWhoDrains) {
  redis::WorkerEntry entry = entry_of(0, 1);
  (void)read(0s, {entry});
  entry.fields["status"] = "draining";
  const auto outcome = read(1s, {entry});
  ASSERT_EQ(outcome.facts.size(), 2U);
  EXPECT_EQ(std::get<WorkerDraining>(outcome.facts[1]).worker, WorkerId{0});
  EXPECT_TRUE(outcome.present.front().draining);
  EXPECT_EQ(read(2s, {entry}).facts.size(), 1U);
  redis::WorkerEntry next = entry_of(0, 2);
  EXPECT_EQ(read(3s, {next}).facts.size(), 2U) << "it came back, and does not drain";
  next.fields["status"] = "draining";
  EXPECT_EQ(read(4s, {next}).facts.size(), 2U);
}

TEST_F(RegistryReaderTest, AKeyThatIsGoneBeforeItsTimeWasLost) {
  (void)read(0s, {entry_of(0, 1), entry_of(1, 1, {redis::Ttl::State::immortal, {}})});
  const auto outcome = read(59s, {});
  EXPECT_TRUE(std::get<LeaseExpired>(outcome.facts[1]).early);
  EXPECT_TRUE(std::get<LeaseExpired>(outcome.facts[2]).early);
}

TEST_F(RegistryReaderTest, NoticesAnotherServer) {
  EXPECT_FALSE(read(0s, {}).server_changed) << "the first reading";
  EXPECT_TRUE(read(1s, {}, "b").server_changed);
  EXPECT_TRUE(read(2s, {}, "b", "t").server_changed);
  EXPECT_FALSE(read(3s, {}, "b", "t").server_changed);
}

TEST_F(RegistryReaderTest, CountsWhatItCannotRead) {
  redis::WorkerEntry foreign = entry_of(0, 1);
  foreign.worker = "node-7";
  redis::WorkerEntry elsewhere = entry_of(2, 1);
  elsewhere.fields["pool"] = "1";
  const auto outcome = read(0s, {foreign, elsewhere, entry_of(1, 1)});
  EXPECT_EQ(outcome.unreadable, 2U);
  EXPECT_NE(outcome.problem.find("node-7"), std::string::npos) << outcome.problem;
  EXPECT_EQ(std::get<RegistryRead>(outcome.facts[0]).entries, 1U);
}

TEST(CounterOrders, ALostAnswerIsUnknownAndOneThatWasNeverSentFailed) {
  using Reason = redis::Failed::Reason;
  EXPECT_EQ(counter_answer(RequestId{1}, redis::Failed{Reason::unknown, ""}).answer, Answer::unknown);
  EXPECT_EQ(counter_answer(RequestId{1}, redis::Failed{Reason::unreachable, ""}).answer, Answer::failed);
  EXPECT_EQ(counter_answer(RequestId{1}, redis::Value{}).verdict, CounterVerdict::missing);
  EXPECT_EQ(counter_answer(RequestId{1}, redis::Verdict{redis::Verdict::Outcome::over_limit, 3}).verdict,
            CounterVerdict::over_limit);
}

TEST(CounterOrders, LimitsAreWhatScriptsCanCount) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 53U) - 1;
  const AskCounter grow{.op = CounterOp::checked_add, .amount = 1, .limit = kMost + 1, .version = 2};
  EXPECT_EQ(counter_op(grow, 7), redis::Op(redis::CheckedAdd{1, kMost, 7, 2}));
  const AskCounter shrink{.op = CounterOp::checked_add, .amount = -1, .limit = 0, .version = 2};
  EXPECT_EQ(counter_op(shrink, 7), redis::Op(redis::CheckedAdd{-1, kMost, 7, 2})) << "what is given back is never refused";
}

}  // namespace
}  // namespace drydock::worker_text_test
