#include "scenarios/line_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <zlib.h>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;

class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::filesystem::path& path) : file_(path, std::ios::binary) {}
  [[nodiscard]] bool is_open() const { return file_.is_open(); }
  std::size_t read(char* to, std::size_t most) override {
    if (error_) return 0;
    file_.read(to, static_cast<std::streamsize>(most));
    if (file_.bad()) error_ = fmt::format("cannot be read: {}", std::strerror(errno));
    return static_cast<std::size_t>(file_.gcount());
  }
  std::optional<std::string> error() const override { return error_; }

 private:
  std::ifstream file_;
  std::optional<std::string> error_;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}
  std::size_t read(char* to, std::size_t most) override {
    const std::size_t count = std::min(most, rest_.size());
    std::copy_n(rest_.data(), count, to);
    rest_.remove_prefix(count);
    return count;
  }
  std::optional<std::string> error() const override { return std::nullopt; }

 private:
  std::string_view rest_;
};

// Unpacks gzip (RFC 1952), also several members one after another, as `cat a.gz b.gz` makes them.
class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)), input_(kChunk) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) error_ = "cannot be unpacked: out of memory";
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(char* to, std::size_t most) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(most);
    while (!error_ && stream_.avail_out == most && !done_) step();
    const std::size_t got = most - stream_.avail_out;
    unpacked_ += got;
    return got;
  }
  std::optional<std::string> error() const override { return error_; }

 private:
  // More packed bytes, if there are none; false at their end.
  bool refill() {
    if (stream_.avail_in > 0) return true;
    const std::size_t got = packed_->read(input_.data(), input_.size());
    error_ = packed_->error();
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }
  void step() {
    if (!refill()) {
      if (!error_ && !between_members_) fail("the file is cut off");
      done_ = true;
      return;
    }
    if (between_members_) {
      // Tools pad with zeros, to fill blocks of tapes and disks.
      if (*stream_.next_in == 0) {
        ++stream_.next_in;
        --stream_.avail_in;
        return;
      }
      inflateReset(&stream_);
      between_members_ = false;
    }
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      between_members_ = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      fail(stream_.msg != nullptr ? stream_.msg : "damaged data");
    }
  }
  void fail(std::string_view why) {
    error_ = fmt::format("the gzip data is damaged after {} unpacked bytes: {}; get or pack the file again", unpacked_, why);
  }

  std::unique_ptr<ByteSource> packed_;
  std::vector<char> input_;
  z_stream stream_{};
  std::uint64_t unpacked_ = 0;
  bool between_members_ = false;
  bool done_ = false;
  std::optional<std::string> error_;
};

// What was already read, then the rest.
class PrefixedSource : public ByteSource {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  std::size_t read(char* to, std::size_t most) override {
    if (at_ == prefix_.size()) return rest_->read(to, most);
    const std::size_t count = std::min(most, prefix_.size() - at_);
    std::copy_n(prefix_.data() + at_, count, to);
    at_ += count;
    return count;
  }
  std::optional<std::string> error() const override { return rest_->error(); }

 private:
  std::string prefix_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

std::unique_ptr<ByteSource> unpacked(std::unique_ptr<ByteSource> source) {
  std::array<char, 2> magic{};
  std::size_t got = 0;
  while (got < magic.size()) {
    const std::size_t more = source->read(magic.data() + got, magic.size() - got);
    if (more == 0) break;
    got += more;
  }
  const bool gzip = got == 2 && magic[0] == '\x1f' && magic[1] == '\x8b';
  auto whole = std::make_unique<PrefixedSource>(std::string(magic.data(), got), std::move(source));
  if (!gzip) return whole;
  return std::make_unique<GzipSource>(std::move(whole));
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (status.type() == std::filesystem::file_type::not_found)
    return Error{fmt::format("{}: there is no such file", path.string())};
  if (status.type() == std::filesystem::file_type::directory)
    return Error{fmt::format("{}: is a folder, not a file", path.string())};
  auto source = std::make_unique<FileSource>(path);
  if (!source->is_open()) return Error{fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno))};
  return std::unique_ptr<ByteSource>(std::move(source));
}

std::unique_ptr<ByteSource> open_memory(std::string_view bytes) { return std::make_unique<MemorySource>(bytes); }

namespace {

Result<std::string> drained(ByteSource& source, std::size_t most) {
  std::string text;
  std::vector<char> chunk(kChunk);
  while (const std::size_t got = source.read(chunk.data(), chunk.size())) {
    text.append(chunk.data(), got);
    if (text.size() > most) return Error{fmt::format("has more than {} bytes", most)};
  }
  if (source.error()) return Error{*source.error()};
  return text;
}

}  // namespace

Result<std::string> read_all(std::unique_ptr<ByteSource> source, std::size_t most) {
  return drained(*unpacked(std::move(source)), most);
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  auto opened = open_file(path);
  if (!opened) return Error{opened.error().message};
  auto text = drained(*opened.value(), most);
  if (!text) return Error{fmt::format("{}: {}", path.string(), text.error().message)};
  return text;
}

LineReader::LineReader(std::unique_ptr<ByteSource> source, std::size_t longest)
    : source_(unpacked(std::move(source))), longest_(longest), buffer_(2 * kChunk) {}
LineReader::~LineReader() = default;

bool LineReader::fill() {
  if (at_end_) return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size() && end_ < longest_) buffer_.resize(2 * buffer_.size());
  if (end_ == buffer_.size()) {
    error_ = fmt::format("line {} is longer than {} bytes: this is no table of jobs", line_ + 1, longest_);
    return false;
  }
  const std::size_t got = source_->read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  if (got == 0) {
    at_end_ = true;
    error_ = source_->error();
  }
  return got > 0;
}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = 0;
  while (!error_) {
    const char* from = buffer_.data() + begin_;
    const std::size_t size = end_ - begin_;
    const void* found = size == searched ? nullptr : std::memchr(from + searched, '\n', size - searched);
    if (found == nullptr && fill()) {
      searched = size;
      continue;
    }
    if (error_) return false;
    if (found == nullptr && begin_ == end_) return false;
    // At the end the last line may have no end of its own. fill() may have moved the bytes.
    const std::size_t length =
        found == nullptr ? end_ - begin_ : static_cast<std::size_t>(static_cast<const char*>(found) - from);
    line = {buffer_.data() + begin_, length};
    begin_ += length + (found == nullptr ? 0 : 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (++line_ == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    return true;
  }
  return false;
}

}  // namespace drydock::scenarios
