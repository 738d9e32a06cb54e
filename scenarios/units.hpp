// Quantities as people write them: "30s", "16GiB", "2/h", "10Gbit/s", "10%". Exact where the type is an integer; the same on
// every locale. Not-a-number, infinity, negative amounts and overflow are refused with what is allowed.
#pragma once

#include "policies/core/result.hpp"
#include "policies/core/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace drydock::scenarios {

// Nothing in a scenario lasts longer: sums of a few such spans still fit into model time.
inline constexpr Duration kLongest = std::chrono::hours{24 * 36500};

// "30s", "0.2ms", "9h" with ns, us, ms, s, m, min, h, d, w; or "0". Fractions of a nanosecond are cut off.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);

// Bytes: "16GiB", "4GB", "512MB", "100B"; kB, MB, GB, TB, PB are powers of 1000, KiB ... PiB of 1024; or "0".
[[nodiscard]] Result<std::int64_t> parse_size(std::string_view text);

// Per second: "0.8/s", "2/h", with the units of time after the slash.
[[nodiscard]] Result<double> parse_rate(std::string_view text);

// Bytes per second: "1GB/s", "10Gbit/s", "800Mbit/s".
[[nodiscard]] Result<double> parse_bandwidth(std::string_view text);

// A fraction: "10%" is 0.1. From 0% to 100%.
[[nodiscard]] Result<double> parse_percent(std::string_view text);

// The shortest exact way to write a duration that parse_duration reads back: "30s", "1500ms", "0s".
[[nodiscard]] std::string format_duration(Duration duration);
// "16GiB": in the largest unit of which it is a whole number.
[[nodiscard]] std::string format_size(std::int64_t bytes);

// What each of the above accepts, for messages.
inline constexpr std::string_view kDurationHelp = R"(a duration such as "30s" (units: ns, us, ms, s, m, h, d, w))";
inline constexpr std::string_view kSizeHelp =
    R"(a size such as "16GiB" (units: B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, PiB))";
inline constexpr std::string_view kRateHelp =
    R"(a rate such as "0.8/s" or "2/h" (units: /ns, /us, /ms, /s, /m, /h, /d, /w))";
inline constexpr std::string_view kBandwidthHelp =
    R"(a bandwidth such as "1GB/s" or "10Gbit/s" (units: B/s, kB/s ... PB/s, KiB/s ... PiB/s, bit/s, kbit/s ... Tbit/s))";
inline constexpr std::string_view kPercentHelp = R"(a percentage such as "10%" (from 0% to 100%))";

// A number of days since 1970-01-01 of the proleptic Gregorian calendar, and ISO 8601 times like "2023-11-16 18:17:03.98"
// ("T" or a blank between; "Z" or "+01:00" at the end; none means UTC), as time since the epoch.
[[nodiscard]] Result<Duration> parse_iso_time(std::string_view text);

// A decimal number of seconds (or of `unit_ns` nanoseconds) as whole nanoseconds, cut off below one: exact where a double is
// not ("1700000000.123456789"). Accepts a sign and an exponent. False when it is no number or out of range.
[[nodiscard]] bool decimal_to_nanos(std::string_view text, std::int64_t unit_ns, std::int64_t& nanos);

}  // namespace drydock::scenarios
