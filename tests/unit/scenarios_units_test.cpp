#include "scenarios/units.hpp"
#include "scenarios/wording.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drydock::scenarios::scenarios_units_test {
namespace {

using namespace std::chrono_literals;

TEST(Durations, AreExact) {
  const std::vector<std::pair<std::string, Duration>> good{{"30s", 30s},
                                                           {"9h", 9h},
                                                           {"0.2ms", 200us},
                                                           {"2m", 2min},
                                                           {"2min", 2min},
                                                           {"1d", 24h},
                                                           {"1w", 168h},
                                                           {"0", 0s},
                                                           {"0s", 0s},
                                                           {"1.5h", 90min},
                                                           {"1ns", 1ns},
                                                           {"0.000000001s", 1ns},
                                                           {"1e3s", 1000s},
                                                           {"30 s", 30s},
                                                           {"2.5e-3s", 2500us},
                                                           {"36500d", kLongest},
                                                           {"123456789.123456789s", 123456789123456789ns}};
  for (const auto& [text, expected] : good) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed.value(), expected) << text;
  }
}

TEST(Durations, RefuseWhatIsNone) {
  for (const char* text :
       {"30",     "",       "s",     "-3s",  "-0s",   "3 parsecs", "NaN", "nans", "inf", "infs", "1e400s",
        "36501d", "1e19ns", "0x10s", "1,5s", "1..5s", "--1s",      "1s ", " 1s",  "3S",  "3sec", "1.5.2s"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_NE(parsed.error().message.find("\"30s\""), std::string::npos)
        << "the message does not show how: " << parsed.error().message;
  }
  std::string zeros(100'000, '0');
  zeros += "1s";
  EXPECT_FALSE(parse_duration(zeros).ok());
}

TEST(Sizes, AreSaidInTheLargestWholeUnit) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(1000), "1000B");
  EXPECT_EQ(format_size(std::int64_t{16} << 30U), "16GiB");
  EXPECT_EQ(format_size(std::int64_t{1536} << 20U), "1536MiB");
}

TEST(Durations, FormatReadsBack) {
  for (const Duration duration : {Duration{0}, Duration{1}, Duration{1500ms}, Duration{30s}, Duration{90min}, Duration{24h},
                                  Duration{8 * 24h}, Duration{1'000'000'007}}) {
    const auto back = parse_duration(format_duration(duration));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back.value(), duration) << format_duration(duration);
  }
  EXPECT_EQ(format_duration(30s), "30s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(168h), "1w");
}

TEST(Sizes, KnowBothKindsOfPrefix) {
  EXPECT_EQ(parse_size("16GiB").value(), std::int64_t{16} << 30);
  EXPECT_EQ(parse_size("4GB").value(), 4'000'000'000);
  EXPECT_EQ(parse_size("512MB").value(), 512'000'000);
  EXPECT_EQ(parse_size("1.5KiB").value(), 1536);
  EXPECT_EQ(parse_size("100B").value(), 100);
  EXPECT_EQ(parse_size("0").value(), 0);
  for (const char* text : {"16", "-1GB", "4Gb", "4G", "99999999PiB", "nanGB", "GB"})
    EXPECT_FALSE(parse_size(text).ok()) << text;
}

TEST(Rates, ArePerSecond) {
  EXPECT_DOUBLE_EQ(parse_rate("0.8/s").value(), 0.8);
  EXPECT_DOUBLE_EQ(parse_rate("2/h").value(), 2.0 / 3600);
  EXPECT_DOUBLE_EQ(parse_rate("50/d").value(), 50.0 / 86400);
  EXPECT_DOUBLE_EQ(parse_rate("1e3/m").value(), 1000.0 / 60);
  for (const char* text : {"2", "2/", "/s", "-1/s", "2/fortnight", "nan/s", "1e400/s", "2s"})
    EXPECT_FALSE(parse_rate(text).ok()) << text;
}

TEST(Bandwidths, KnowBytesAndBits) {
  EXPECT_DOUBLE_EQ(parse_bandwidth("1GB/s").value(), 1e9);
  EXPECT_DOUBLE_EQ(parse_bandwidth("10Gbit/s").value(), 1.25e9);
  EXPECT_DOUBLE_EQ(parse_bandwidth("1MiB/s").value(), 1048576);
  for (const char* text : {"1GB", "1Gb/s", "1/s", "-1GB/s", "infGB/s"}) EXPECT_FALSE(parse_bandwidth(text).ok()) << text;
}

TEST(Percents, AreFractions) {
  EXPECT_DOUBLE_EQ(parse_percent("10%").value(), 0.1);
  EXPECT_DOUBLE_EQ(parse_percent("0%").value(), 0);
  EXPECT_DOUBLE_EQ(parse_percent("100%").value(), 1);
  for (const char* text : {"10", "101%", "-1%", "%", "nan%", "10 percent"}) EXPECT_FALSE(parse_percent(text).ok()) << text;
}

TEST(IsoTimes, GoDownToTheNanosecond) {
  EXPECT_EQ(parse_iso_time("1970-01-01").value(), 0s);
  EXPECT_EQ(parse_iso_time("1970-01-02T00:00:01Z").value(), 86401s);
  EXPECT_EQ(parse_iso_time("2000-03-01 00:00:00").value(), 951868800s);
  EXPECT_EQ(parse_iso_time("2023-11-16 18:17:03.9799600").value(), 1700158623s + 979960000ns);
  EXPECT_EQ(parse_iso_time("2023-11-16T18:17:03+01:00").value(), 1700155023s);
  EXPECT_EQ(parse_iso_time("2023-11-16T18:17:03-0230").value(), 1700167623s);
  EXPECT_EQ(parse_iso_time("2024-02-29 12:00").value(), 1709208000s);
  for (const char* text : {"2023-02-29", "2023-13-01", "2023-00-01", "2023-11-16 24:00:00", "2023-11-16 18:17:03.",
                           "2023-11-16x", "23-11-16", "2023-11-16 18", "2023-11-16 18:17:03+25:00", "", "yesterday"}) {
    EXPECT_FALSE(parse_iso_time(text).ok()) << text;
  }
}

TEST(Decimals, AreExactWhereADoubleIsNot) {
  std::int64_t ns = 0;
  ASSERT_TRUE(decimal_to_nanos("1700000000.123456789", 1'000'000'000, ns));
  EXPECT_EQ(ns, 1700000000123456789);
  ASSERT_TRUE(decimal_to_nanos("552.21", 1'000'000'000, ns));
  EXPECT_EQ(ns, 552210000000);
  ASSERT_TRUE(decimal_to_nanos("-1", 1'000'000'000, ns));
  EXPECT_EQ(ns, -1'000'000'000);
  ASSERT_TRUE(decimal_to_nanos("0.9999999999999999999999999", 1'000'000'000, ns));
  EXPECT_EQ(ns, 999'999'999);
  ASSERT_TRUE(decimal_to_nanos("1e3", 1'000'000'000, ns));
  EXPECT_EQ(ns, 1'000'000'000'000);
  for (const char* text : {"", "-", ".", "1x", "1e", "nan", "inf", "99999999999", "9223372036854775808", "1e30", "0x1p3"}) {
    EXPECT_FALSE(decimal_to_nanos(text, 1'000'000'000, ns)) << text;
  }
}

TEST(Wording, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xff\xc3\xa9\xc3"), "\\xff\xc3\xa9\\xc3");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_LE(printable(std::string(1000, 'x')).size(), 90U);
}

TEST(Wording, FindsWhatWasMeant) {
  const std::vector<std::string_view> words{"placement", "liveness", "easy", "easy-sjf", "cost_per_hour"};
  const auto first = [&](std::string_view typed) {
    const auto found = close_to(typed, words);
    return found.empty() ? std::string_view("") : found.front();
  };
  EXPECT_EQ(first("placemnt"), "placement");
  EXPECT_EQ(first("esay"), "easy");
  EXPECT_EQ(first("cost-per-hour"), "cost_per_hour");
  EXPECT_EQ(first("Liveness"), "liveness");
  EXPECT_EQ(first("sjf"), "easy-sjf");
  EXPECT_EQ(first("zzz"), "");
  EXPECT_EQ(first(std::string(100'000, 'a')), "");
}

}  // namespace
}  // namespace drydock::scenarios::scenarios_units_test
