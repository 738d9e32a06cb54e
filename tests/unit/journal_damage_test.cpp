// Journals that are cut off, damaged or made up: always an error or a clean end, never a crash or a wrong step.
#include "policies/core/journal_binary.hpp"
#include "tests/unit/journal_samples.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace drydock::journal_damage_test {
namespace {

using namespace journal_samples;

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST(DamagedJournal, EveryChangedByteIsFoundWithItsOffset) {
  const std::string good = journal_of(JournalFormat::binary, 5, 12);
  const ReadBack whole = read_back(good);
  ASSERT_EQ(whole.error, std::nullopt);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned change : {1U, 0x80U, 0xffU}) {
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ change);
      const ReadBack found = read_back(bad);
      ASSERT_TRUE(found.error.has_value()) << "byte " << at << " change " << change;
      ASSERT_TRUE(is_prefix(found.steps, whole.steps)) << "byte " << at;
      if (at >= 8) {
        ASSERT_NE(found.error->find("byte "), std::string::npos) << *found.error;
      }
    }
  }
}

TEST(DamagedJournal, EveryCutIsFoundOrEndsCleanlyWithoutAnEndRecord) {
  for (const JournalFormat format : {JournalFormat::binary, JournalFormat::json_lines}) {
    const std::string good = journal_of(format, 6, 6);
    const ReadBack whole = read_back(good);
    std::size_t clean = 0;
    for (std::size_t size = 0; size + 1 < good.size(); ++size) {
      const ReadBack found = read_back(good.substr(0, size));
      ASSERT_TRUE(is_prefix(found.steps, whole.steps)) << "size " << size;
      if (found.error) continue;
      ASSERT_EQ(found.end, JournalEnd::missing) << "size " << size;
      ++clean;
    }
    // Between records (header, 6 steps); a line is also whole without its line end.
    EXPECT_EQ(clean, format == JournalFormat::binary ? 7U : 14U);
  }
}

TEST(DamagedJournal, LostOrRepeatedRecordsAreFound) {
  const std::string header = journal_of(JournalFormat::binary, 7, 0, JournalEnd::missing);
  const std::string one = journal_of(JournalFormat::binary, 7, 1, JournalEnd::missing);
  const std::string three = journal_of(JournalFormat::binary, 7, 3);
  const std::string first = one.substr(header.size());
  EXPECT_TRUE(read_back(header + three.substr(one.size())).error.has_value());
  EXPECT_TRUE(read_back(one + first + three.substr(one.size())).error.has_value());
  EXPECT_TRUE(read_back(three + "x").error.has_value());
}

TEST(DamagedJournal, LostLinesAreFoundByTheEndRecord) {
  std::string text = journal_of(JournalFormat::json_lines, 8, 3);
  const std::size_t second = text.find('\n') + 1;
  text.erase(second, text.find('\n', second) + 1 - second);
  const ReadBack found = read_back(text);
  ASSERT_TRUE(found.error.has_value());
  EXPECT_NE(found.error->find("counts 3 steps, but there are 2"), std::string::npos) << *found.error;
}

TEST(DamagedJournal, AHugeLengthIsRefusedWithoutRoomMadeForIt) {
  const std::string header = journal_of(JournalFormat::binary, 9, 0, JournalEnd::missing);
  for (const char* length :
       {"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\xff\xff\xff\xff\x03", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    const ReadBack found = read_back(header + length);
    ASSERT_TRUE(found.error.has_value());
    EXPECT_TRUE(found.steps.empty());
  }
}

// Past the checksum: payloads that are not as we write them.
TEST(DamagedJournal, MutatedPayloadsNeverCrashTheDecoder) {
  Rng rng(11, "mutations");
  RandomSteps random(11);
  JournalStep step;
  JournalStep decoded;
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    if (round % 50 == 0) random.fill(step);
    std::string payload = bytes_of(step);
    for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
      const std::size_t at = rng.below(payload.size());
      switch (rng.below(4)) {
        case 0: payload[at] = static_cast<char>(rng.bits()); break;
        case 1: payload.erase(at, 1 + rng.below(4)); break;
        case 2: payload.insert(at, 1 + rng.below(3), static_cast<char>(rng.bits())); break;
        default: payload[at] = static_cast<char>(0xff); break;
      }
      if (payload.empty()) payload = "x";
    }
    journal_detail::Deltas deltas;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
    if (!journal_detail::decode_step({bytes, payload.size()}, deltas, decoded)) {
      ++accepted;
      EXPECT_FALSE(json_of(decoded).empty());
    }
    ASSERT_LE(decoded.placements.capacity(), std::max<std::size_t>(8192, 2 * payload.size()));
  }
  EXPECT_GT(accepted, 0);
}

TEST(DamagedJournal, MutatedLinesNeverCrashTheReader) {
  Rng rng(12, "mutations");
  const std::string good = journal_of(JournalFormat::json_lines, 12, 8);
  static constexpr std::string_view kPieces = "{}[]\",:0-9.eE\n\\u null";
  int errors = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) {
      const std::size_t at = rng.below(bad.size());
      switch (rng.below(3)) {
        case 0: bad[at] = kPieces[rng.below(kPieces.size())]; break;
        case 1: bad.erase(at, 1 + rng.below(30)); break;
        default: bad.insert(at, std::string(1 + rng.below(40), kPieces[rng.below(kPieces.size())])); break;
      }
    }
    errors += read_back(bad).error.has_value() ? 1 : 0;
  }
  EXPECT_GT(errors, 1000);
}

TEST(DamagedJournal, DeepNestingIsRefused) {
  const std::string header = journal_of(JournalFormat::json_lines, 1, 0, JournalEnd::missing);
  EXPECT_TRUE(read_back(header + std::string(100000, '[') + "\n").error.has_value());
  EXPECT_TRUE(read_back(header + std::string(100000, '[') + std::string(100000, ']') + "\n").error.has_value());
}

}  // namespace
}  // namespace drydock::journal_damage_test
