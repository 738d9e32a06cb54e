// Bytes of the binary journal: varints (LEB128), zigzag differences, fixed little-endian words, and the checksum. Internal.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace drydock::journal_detail {

inline constexpr std::size_t kMaxVarint = 10;  // bytes of a 64-bit one

// Differences wrap modulo 2^64, so that every value survives, also one that makes no sense.
[[nodiscard]] constexpr std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1U) ^ (0 - (difference >> 63U));
}
[[nodiscard]] constexpr std::uint64_t unzigzag(std::uint64_t code) { return (code >> 1U) ^ (0 - (code & 1U)); }

// Grows on demand(); everything else writes without looking.
class ByteWriter {
 public:
  // Before writing up to `bytes` more.
  void demand(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
  }
  void byte(std::uint8_t b) { data_[size_++] = b; }
  void varint(std::uint64_t x) {
    std::uint8_t* at = data_.get() + size_;  // a local: a byte that is written may alias a member
    while (x >= 0x80) {
      *at++ = static_cast<std::uint8_t>(x | 0x80U);
      x >>= 7U;
    }
    *at++ = static_cast<std::uint8_t>(x);
    size_ = static_cast<std::size_t>(at - data_.get());
  }
  void difference(std::uint64_t value, std::uint64_t& previous) {
    varint(zigzag(value - previous));
    previous = value;
  }
  void fixed32(std::uint32_t x) {
    std::uint8_t* at = data_.get() + size_;
    for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(x >> (8 * i));
    size_ += 4;
  }
  void fixed64(std::uint64_t x) {
    std::uint8_t* at = data_.get() + size_;
    for (unsigned i = 0; i < 8; ++i) at[i] = static_cast<std::uint8_t>(x >> (8 * i));
    size_ += 8;
  }
  void bytes(std::span<const std::uint8_t> b) {
    if (b.empty()) return;
    std::memcpy(data_.get() + size_, b.data(), b.size());
    size_ += b.size();
  }
  // Asks for room by itself.
  void text(std::string_view s) {
    demand(kMaxVarint + s.size());
    varint(s.size());
    for (const char c : s) byte(static_cast<std::uint8_t>(c));
  }

  void clear() { size_ = 0; }
  [[nodiscard]] std::span<const std::uint8_t> view() const { return {data_.get(), size_}; }

 private:
  void grow(std::size_t bytes) {
    std::size_t capacity = capacity_ < 256 ? 256 : capacity_;
    while (capacity - size_ < bytes) capacity *= 2;
    std::unique_ptr<std::uint8_t[]> larger(new std::uint8_t[capacity]);
    if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Reads from bytes that may be anything. The first failure sticks: from then on every read gives 0, and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  [[nodiscard]] bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  [[nodiscard]] std::uint8_t byte() {
    if (!ok_ || at_ == end_) return failed();
    return *at_++;
  }
  [[nodiscard]] std::uint64_t varint() {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t b = byte();
      if (shift == 63 && b > 1) return failed();
      x |= (b & 0x7fU) << shift;
      if (b < 0x80) return ok_ ? x : 0;
    }
    return failed();
  }
  [[nodiscard]] std::uint32_t varint32() {
    const std::uint64_t x = varint();
    return x >> 32U == 0 ? static_cast<std::uint32_t>(x) : failed();
  }
  [[nodiscard]] std::uint64_t difference(std::uint64_t& previous) { return previous += unzigzag(varint()); }
  [[nodiscard]] std::uint64_t fixed64() {
    std::uint64_t x = 0;
    for (unsigned i = 0; i < 8; ++i) x |= std::uint64_t{byte()} << (8 * i);
    return x;
  }
  // A number of elements that take at least one byte each: what the bytes cannot hold is refused before room is made.
  [[nodiscard]] std::size_t count() {
    const std::uint64_t n = varint();
    return n <= left() ? static_cast<std::size_t>(n) : failed();
  }
  [[nodiscard]] std::string text() {
    const std::size_t n = count();
    std::string s(at_, at_ + n);
    at_ += n;
    return s;
  }

 private:
  std::uint8_t failed() {
    ok_ = false;
    return 0;
  }

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

// Continues a 64-bit hash over more bytes. Each step is a bijection of the state, so no single damaged word goes unseen
// before the result is cut to 32 bits.
[[nodiscard]] inline std::uint64_t checksum(std::uint64_t state, std::span<const std::uint8_t> bytes) {
  constexpr std::uint64_t kOdd = 0x9fb21c651e98df25U;
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  state ^= left * kOdd;
  const auto mix = [&state](std::uint64_t word) {
    state = (state ^ word) * kOdd;
    state ^= state >> 32U;
  };
  for (; left >= 8; left -= 8, p += 8) {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{p[i]} << (8 * i);
    mix(word);
  }
  std::uint64_t tail = 0;
  for (unsigned i = 0; i < left; ++i) tail |= std::uint64_t{p[i]} << (8 * i);
  mix(tail);
  mix(0x5bd1e9955bd1e995U);
  return state;
}

}  // namespace drydock::journal_detail
