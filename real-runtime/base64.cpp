#include "real-runtime/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace drydock::runtime {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kGroup = 4;  // digits for three bytes
constexpr unsigned kDigitBits = 6;
constexpr unsigned kByteBits = 8;

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * kGroup);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = bits << kByteBits | static_cast<unsigned char>(c);
    for (count += kByteBits; count >= kDigitBits; count -= kDigitBits) {
      text += kDigits[bits >> (count - kDigitBits) & 63U];
    }
  }
  if (count > 0) text += kDigits[bits << (kDigitBits - count) & 63U];
  while (text.size() % kGroup != 0) text += '=';
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % kGroup != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() / kGroup * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << kDigitBits | static_cast<std::uint32_t>(digit);
    count += kDigitBits;
    if (count < kByteBits) continue;
    count -= kByteBits;
    bytes += static_cast<char>(bits >> count & 255U);
  }
  // What is left over of the last digit must be nothing.
  if ((bits & ((1U << count) - 1U)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace drydock::runtime
