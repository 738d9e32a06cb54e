// Runs every *.script in this folder (see README.md for their language). DRYDOCK_REWRITE=1 writes what was ordered into the
// scripts instead of comparing: review the difference before you keep it.
#include "tests/scripted/script_case.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace drydock::scripted::scripted_test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> all_scripts() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(DRYDOCK_SOURCE_DIR) / "tests" / "scripted")) {
    if (entry.path().extension() == ".script") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The script again, with what really happened in place of its "=>" lines.
class ScriptRun {
 public:
  explicit ScriptRun(std::vector<std::string> lines) : lines_(std::move(lines)) {}

  std::string text() {
    for (at_ = 0; at_ < lines_.size();) {
      try {
        next();
      } catch (const ScriptError& error) {
        throw ScriptError(fmt::format("line {}: {}", at_ + 1, error.what()));
      }
    }
    end_case();
    return out_;
  }

  std::string verdicts;

 private:
  void next() {
    const std::string& text = lines_[at_];
    if (text.starts_with("=>")) {  // what was ordered is written after each step
      ++at_;
      return;
    }
    Line line(text);
    if (line.empty()) return keep();
    const std::string word = line.word("a word");
    if (word == "case") {
      end_case();
      name_ = text;
      case_ = std::make_unique<Case>();
      return keep();
    }
    if (!case_) case_ = std::make_unique<Case>();
    if (word == "at") return step(line);
    if (word == "play") return play(line);
    case_->configure(word, line);
    line.done();
    keep();
  }

  void step(Line& line) {
    const Time now = kTimeZero + parse_duration(line.word("a time"));
    line.done();
    keep();
    std::vector<Event> events;
    const Tell tell = [&events](const Event& event) { events.push_back(event); };
    while_indented([&](Line& fact) { parse_facts(fact, case_->names(), tell); });
    write(case_->step(now, std::move(events)));
  }

  void play(Line& line) {
    line.done();
    keep();
    std::vector<PlayedJob> jobs;
    while_indented([&](Line& job) {
      if (job.word("job") != "job") throw ScriptError("expected a job");
      PlayedJob played;
      played.submitted = kTimeZero + parse_duration(job.value("at", "0s"));
      played.work = parse_duration(job.value("run", "1s"));
      const bool estimated = job.has("estimate");
      played.spec = parse_job(job, case_->names());
      if (!estimated) played.spec.estimate = played.work;
      jobs.push_back(played);
    });
    write(case_->play(std::move(jobs)));
  }

  template <class Each>
  void while_indented(Each&& each) {
    while (at_ < lines_.size() && lines_[at_].starts_with(" ")) {
      Line line(lines_[at_]);
      if (!line.empty()) {
        each(line);
        line.done();
      }
      keep();
    }
  }

  void keep() { out_ += lines_[at_++] + "\n"; }
  void write(const std::vector<std::string>& orders) {
    for (const std::string& order : orders) out_ += "=> " + order + "\n";
  }
  void end_case() {
    if (!case_) return;
    const std::string verdict = case_->verdict();
    if (!verdict.empty()) verdicts += name_ + "\n" + verdict;
    case_.reset();
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::string out_;
  std::string name_ = "(the first case)";
  std::unique_ptr<Case> case_;
};

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Scripts : public testing::TestWithParam<fs::path> {};
INSTANTIATE_TEST_SUITE_P(All, Scripts, testing::ValuesIn(all_scripts()), [](const auto& p) {
  std::string name = p.param.stem().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

TEST_P(Scripts, OrderWhatTheySay) {
  const std::string expected = read(GetParam());
  ScriptRun run(lines_of(expected));
  std::string found;
  try {
    found = run.text();
  } catch (const ScriptError& error) {
    FAIL() << GetParam().string() << ", " << error.what();
  }
  EXPECT_EQ(run.verdicts, "");
  if (std::getenv("DRYDOCK_REWRITE") != nullptr) {
    if (found != expected) std::ofstream(GetParam()) << found;
    GTEST_SKIP() << (found == expected ? "unchanged" : "rewritten: review the difference");
  }
  EXPECT_EQ(found, expected) << "If the new orders are right: DRYDOCK_REWRITE=1, then review the difference.";
}

TEST(ScriptFolder, HoldsScripts) { EXPECT_GE(all_scripts().size(), 10U); }

}  // namespace
}  // namespace drydock::scripted::scripted_test
