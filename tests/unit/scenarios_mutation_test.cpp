// A short, repeatable run of what the fuzzers (tests/fuzz) do for longer: corpus files with bytes changed, by seed.
#include "policies/core/rng.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace drydock::fuzz::scenarios_mutation_test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> corpus(const std::string& name) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(DRYDOCK_SOURCE_DIR) / "tests/fuzz/corpus" / name))
    paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> texts;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return texts;
}

// Pieces that mean something to a reader.
const std::vector<std::string>& pieces() {
  static const std::vector<std::string> kPieces{"-1",
                                                "0",
                                                "NaN",
                                                "1e999",
                                                "99999999999999999999",
                                                "\"",
                                                "\\u0000",
                                                "{",
                                                "}",
                                                "[",
                                                "]",
                                                ",",
                                                ":",
                                                "\n",
                                                "\r",
                                                ";",
                                                "\t",
                                                "//",
                                                "/*",
                                                "null",
                                                "\"30s\"",
                                                "\"0s\"",
                                                "\xff",
                                                "\xe2\x82",
                                                "-0",
                                                "1.5",
                                                "\"1e300s\"",
                                                "\"/h\"",
                                                "true",
                                                "\"-5s\"",
                                                ".",
                                                "e",
                                                std::string(1, '\0')};
  return kPieces;
}

std::string mutated(std::string text, const std::vector<std::string>& all, Rng& rng) {
  const std::uint64_t changes = 1 + rng.below(6);
  for (std::uint64_t i = 0; i < changes; ++i) {
    const auto at = static_cast<std::size_t>(rng.below(text.size() + 1));
    const auto length = std::min<std::size_t>(text.size() - at, static_cast<std::size_t>(rng.below(1ULL << rng.below(8))));
    switch (rng.below(6)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, pieces()[static_cast<std::size_t>(rng.below(pieces().size()))]); break;
      case 2: text.replace(at, length, pieces()[static_cast<std::size_t>(rng.below(pieces().size()))]); break;
      case 3: text.insert(at, text.substr(static_cast<std::size_t>(rng.below(text.size() + 1)), length)); break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(rng.below(256));
        break;
      default: {
        const std::string& other = all[static_cast<std::size_t>(rng.below(all.size()))];
        text = text.substr(0, at) + other.substr(std::min(at, other.size()));
      }
    }
  }
  return text;
}

template <class Target>
void run(const std::string& name, Target target, std::uint64_t tries) {
  const std::vector<std::string> texts = corpus(name);
  ASSERT_GE(texts.size(), 3U) << "no corpus";
  std::uint64_t accepted = 0;
  for (const std::string& text : texts) accepted += target(text) ? 1U : 0U;
  EXPECT_GT(accepted, 0U) << "no file of the corpus is good";
  EXPECT_LT(accepted, texts.size()) << "no file of the corpus is bad";
  accepted = 0;
  for (std::uint64_t seed = 0; seed < tries; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed, name);
    accepted += target(mutated(texts[static_cast<std::size_t>(rng.below(texts.size()))], texts, rng)) ? 1U : 0U;
  }
  std::cout << name << ": " << tries << " mutations, " << accepted << " of them good\n";
  EXPECT_LT(accepted, tries);
  EXPECT_GT(accepted, 0U);
}

TEST(Mutations, OfScenarios) { run("scenario", scenario, 4000); }
TEST(Mutations, OfSwf) { run("swf", swf, 4000); }
TEST(Mutations, OfCsv) { run("csv", csv, 4000); }
TEST(Mutations, OfBatsim) { run("batsim", batsim, 4000); }

}  // namespace
}  // namespace drydock::fuzz::scenarios_mutation_test
