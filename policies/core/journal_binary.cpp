#include "policies/core/journal_binary.hpp"

#include "policies/core/journal_backend.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <istream>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

namespace drydock::journal_detail {

namespace {

class BinarySink final : public Sink {
 public:
  BinarySink(std::ostream& out, const JournalHeader& header) : out_(out) {
    file_.demand(kMagic.size());
    file_.bytes(kMagic);
    record_.demand(kMaxVarint);
    record_.varint(kFormatVersion);
    record_.text(header.version);
    record_.text(header.scenario);
    record_.text(header.variant);
    record_.demand(kMaxVarint);
    record_.varint(header.seed);
    finish_record();
    hand_over();
  }

  void step(Time now, std::span<const Event> events, std::span<const Command> commands, std::uint64_t hash) override {
    encode_step(record_, deltas_, now, events, commands, hash);
    finish_record();
    ++steps_;
    if (file_.view().size() >= kFlushBytes) hand_over();
  }

  void flush() override {
    hand_over();
    out_.flush();
  }

  void close(JournalEnd end) override {
    if (end != JournalEnd::missing) {
      record_.demand(2 * kMaxVarint);
      record_.varint(static_cast<std::uint64_t>(end));
      record_.varint(steps_);
      checksum_ = checksum(checksum_, record_.view());
      file_.demand(1 + record_.view().size() + sizeof(std::uint32_t));
      file_.byte(0);
      file_.bytes(record_.view());
      file_.fixed32(static_cast<std::uint32_t>(checksum_));
    }
    hand_over();
    out_.flush();
  }

 private:
  void finish_record() {
    const std::span<const std::uint8_t> payload = record_.view();
    checksum_ = checksum(checksum_, payload);
    file_.demand(kMaxVarint + payload.size() + sizeof(std::uint32_t));
    file_.varint(payload.size());
    file_.bytes(payload);
    file_.fixed32(static_cast<std::uint32_t>(checksum_));
    record_.clear();
  }
  void hand_over() {
    const std::span<const std::uint8_t> all = file_.view();
    out_.write(reinterpret_cast<const char*>(all.data()), static_cast<std::streamsize>(all.size()));
    file_.clear();
  }

  std::ostream& out_;
  ByteWriter file_;
  ByteWriter record_;
  Deltas deltas_;
  std::uint64_t checksum_ = kChecksumSeed;
  std::uint64_t steps_ = 0;
};

// The stream in chunks, so that memory grows only with bytes that are there, whatever a length says.
class Input {
 public:
  explicit Input(std::istream& in) : in_(in) {}

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  // Up to `bytes` of them, valid until the next call; fewer at the end of the file.
  [[nodiscard]] std::span<const std::uint8_t> take(std::size_t bytes) {
    while (size_ - at_ < bytes && fill()) {}
    const std::size_t count = std::min(bytes, size_ - at_);
    const std::span<const std::uint8_t> result(buffer_.data() + at_, count);
    at_ += count;
    offset_ += count;
    return result;
  }
  [[nodiscard]] bool at_end() { return at_ == size_ && !fill(); }

 private:
  bool fill() {
    if (!in_) return false;
    if (at_ > 0) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(at_), buffer_.begin() + static_cast<std::ptrdiff_t>(size_),
                buffer_.begin());
      size_ -= at_;
      at_ = 0;
    }
    if (buffer_.size() < size_ + kFlushBytes) buffer_.resize(std::max(2 * buffer_.size(), size_ + kFlushBytes));
    in_.read(reinterpret_cast<char*>(buffer_.data() + size_), static_cast<std::streamsize>(buffer_.size() - size_));
    const auto got = static_cast<std::size_t>(in_.gcount());
    size_ += got;
    return got > 0;
  }

  std::istream& in_;
  std::vector<std::uint8_t> buffer_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;
  std::uint64_t offset_ = 0;
};

class BinarySource final : public Source {
 public:
  explicit BinarySource(std::istream& in) : in_(in) {}

  Result<JournalHeader> read_header() override {
    const std::span<const std::uint8_t> magic = in_.take(kMagic.size());
    if (!std::ranges::equal(magic, kMagic)) {
      return Error{"not a journal: the file starts neither as a binary journal nor, with '{', as one of JSON Lines"};
    }
    Result<std::span<const std::uint8_t>> record = read_record("the header");
    if (!record) return record.error();
    ByteReader reader(record.value());
    if (const std::uint64_t version = reader.varint(); version != kFormatVersion) {
      return Error{fmt::format("the journal has format version {}; this program reads version {}", version, kFormatVersion)};
    }
    JournalHeader header;
    header.version = reader.text();
    header.scenario = reader.text();
    header.variant = reader.text();
    header.seed = reader.varint();
    if (!reader.ok() || reader.left() > 0) return Error{"byte 8: the header's fields do not fill its record"};
    return header;
  }

  Result<bool> next(JournalStep& step) override {
    if (done_ || in_.at_end()) return false;
    const std::uint64_t start = in_.offset();
    Result<std::span<const std::uint8_t>> record = read_record("a step");
    if (!record) return record.error();
    if (done_) return false;
    if (const auto problem = decode_step(record.value(), deltas_, step)) {
      return Error{fmt::format("byte {}: step {} has a right checksum, but is not as this program writes it: {}", start,
                               steps_ + 1, *problem)};
    }
    ++steps_;
    return true;
  }

  [[nodiscard]] JournalEnd end() const override { return end_; }

 private:
  static constexpr std::size_t kChecksumBytes = sizeof(std::uint32_t);

  // Reads a varint from the stream itself; nothing at the end of the file or when it is too long.
  std::optional<std::uint64_t> read_varint() {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const std::span<const std::uint8_t> b = in_.take(1);
      if (b.empty()) return std::nullopt;
      x |= std::uint64_t{b[0] & 0x7fU} << shift;
      if (b[0] < 0x80) return x;
    }
    return kMaxRecordBytes + 1;
  }

  // The payload of the next record, its checksum verified. For the end record: sets done_ and gives nothing.
  Result<std::span<const std::uint8_t>> read_record(const char* what) {
    const std::uint64_t start = in_.offset();
    const std::optional<std::uint64_t> length = read_varint();
    if (!length) return cut_off(start, what, "its length");
    if (*length == 0) return read_end(start);
    if (*length > kMaxRecordBytes) {
      return Error{
          fmt::format("byte {}: {} cannot have more than {} bytes: the file is damaged here", start, what, kMaxRecordBytes)};
    }
    const std::size_t wanted = static_cast<std::size_t>(*length) + kChecksumBytes;
    const std::span<const std::uint8_t> got = in_.take(wanted);
    if (got.size() < wanted) return cut_off(start, what, fmt::format("{} of {} bytes", got.size(), wanted));
    const std::span<const std::uint8_t> payload = got.first(got.size() - kChecksumBytes);
    if (!verify(payload, got.last(kChecksumBytes))) return damaged(start, what);
    return payload;
  }

  bool verify(std::span<const std::uint8_t> payload, std::span<const std::uint8_t> expected) {
    checksum_ = checksum(checksum_, payload);
    std::uint32_t word = 0;
    for (unsigned i = 0; i < kChecksumBytes; ++i) word |= std::uint32_t{expected[i]} << (8 * i);
    return word == static_cast<std::uint32_t>(checksum_);
  }

  Result<std::span<const std::uint8_t>> read_end(std::uint64_t start) {
    ByteWriter payload;  // as it was written: it has no length of its own
    payload.demand(2 * kMaxVarint);
    const std::optional<std::uint64_t> end = read_varint();
    const std::optional<std::uint64_t> steps = end ? read_varint() : std::nullopt;
    const std::span<const std::uint8_t> expected = in_.take(kChecksumBytes);
    if (!steps || expected.size() < kChecksumBytes) return cut_off(start, "the end record", "its fields");
    payload.varint(*end);
    payload.varint(*steps);
    const bool known =
        *end == static_cast<std::uint64_t>(JournalEnd::stopped) || *end == static_cast<std::uint64_t>(JournalEnd::all_ended);
    if (!verify(payload.view(), expected) || !known) return damaged(start, "the end record");
    if (*steps != steps_) {
      return Error{fmt::format("byte {}: the end record counts {} steps, but there are {}", start, *steps, steps_)};
    }
    if (!in_.at_end()) return Error{fmt::format("byte {}: there is more after the end record", in_.offset())};
    end_ = static_cast<JournalEnd>(*end);
    done_ = true;
    return std::span<const std::uint8_t>{};
  }

  [[nodiscard]] Error cut_off(std::uint64_t start, const char* what, const std::string& got) const {
    return {fmt::format("byte {}: {} is cut off ({}), after {} whole steps: the file was truncated, or is damaged here",
                        start, what, got, steps_)};
  }
  [[nodiscard]] Error damaged(std::uint64_t start, const char* what) const {
    return {fmt::format("byte {}: {} does not match its checksum, after {} good steps: the file is damaged here", start,
                        what, steps_)};
  }

  Input in_;
  Deltas deltas_;
  std::uint64_t checksum_ = kChecksumSeed;
  std::uint64_t steps_ = 0;
  bool done_ = false;
  JournalEnd end_ = JournalEnd::missing;
};

}  // namespace

std::unique_ptr<Sink> make_binary_sink(std::ostream& out, const JournalHeader& header) {
  return std::make_unique<BinarySink>(out, header);
}
std::unique_ptr<Source> make_binary_source(std::istream& in) { return std::make_unique<BinarySource>(in); }

}  // namespace drydock::journal_detail
