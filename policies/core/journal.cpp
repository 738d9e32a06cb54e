#include "policies/core/journal.hpp"

#include "policies/core/assert.hpp"
#include "policies/core/journal_backend.hpp"

#include <istream>
#include <utility>

namespace drydock {

void JournalStep::reset(std::size_t placement_count, std::size_t assignment_count, std::size_t release_count) {
  events.clear();
  commands.clear();
  placements.clear();
  assignments.clear();
  releases.clear();
  texts.clear();
  placements.reserve(placement_count);
  assignments.reserve(assignment_count);
  releases.reserve(release_count);
}

struct JournalWriter::Impl {
  std::unique_ptr<journal_detail::Sink> sink;
  bool open = true;
};

JournalWriter::JournalWriter(std::ostream& out, JournalFormat format, const JournalHeader& header)
    : impl_(std::make_unique<Impl>()) {
  impl_->sink = format == JournalFormat::binary ? journal_detail::make_binary_sink(out, header)
                                                : journal_detail::make_json_sink(out, header);
}

JournalWriter::~JournalWriter() {
  if (impl_->open) close(JournalEnd::stopped);
}

void JournalWriter::step(Time now, std::span<const Event> events, std::span<const Command> commands, std::uint64_t hash) {
  DRYDOCK_CHECK(impl_->open, "no step can follow the end of a journal");
  impl_->sink->step(now, events, commands, hash);
}

void JournalWriter::flush() {
  DRYDOCK_CHECK(impl_->open, "a journal that is closed has nothing to flush");
  impl_->sink->flush();
}

void JournalWriter::close(JournalEnd end) {
  DRYDOCK_CHECK(impl_->open, "a journal is closed once");
  impl_->open = false;
  impl_->sink->close(end);
}

struct JournalReader::Impl {
  std::unique_ptr<journal_detail::Source> source;
  JournalHeader header;
};

JournalReader::JournalReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JournalReader::~JournalReader() = default;

Result<std::unique_ptr<JournalReader>> JournalReader::open(std::istream& in) {
  const int first = in.peek();
  if (first == std::istream::traits_type::eof()) return Error{"the journal is empty: expected a header"};
  auto impl = std::make_unique<Impl>();
  impl->source = first == '{' ? journal_detail::make_json_source(in) : journal_detail::make_binary_source(in);
  Result<JournalHeader> header = impl->source->read_header();
  if (!header) return header.error();
  impl->header = std::move(header).value();
  return std::unique_ptr<JournalReader>(new JournalReader(std::move(impl)));
}

const JournalHeader& JournalReader::header() const { return impl_->header; }
Result<bool> JournalReader::next(JournalStep& step) { return impl_->source->next(step); }
JournalEnd JournalReader::end() const { return impl_->source->end(); }

}  // namespace drydock
