#include "sim/platform_xml.hpp"

#include "scenarios/platform_file.hpp"
#include "scenarios/wording.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <vector>

namespace drydock::sim {
namespace {

struct Attribute {
  std::string_view name;
  std::string_view value;
};

struct Tag {
  std::string_view name;
  std::vector<Attribute> attributes;
  std::size_t line = 1;

  [[nodiscard]] std::string_view find(std::string_view wanted) const {
    const auto found = std::ranges::find(attributes, wanted, &Attribute::name);
    return found == attributes.end() ? std::string_view{} : found->value;
  }
};

// The opening tags of a text, one by one. It ends where the text is no XML.
class Tags {
 public:
  explicit Tags(std::string_view text) : text_(text) {}

  std::optional<Tag> next() {
    while (skip_to('<')) {
      if (text_.starts_with("<!--")) skip_behind("-->");
      else if (text_.starts_with("<?")) skip_behind("?>");
      else if (text_.starts_with("<!") || text_.starts_with("</")) skip_behind(">");
      else return tag();
    }
    return std::nullopt;
  }

 private:
  static bool in_name(char c) { return c > ' ' && c != '=' && c != '>' && c != '/' && c != '"' && c != '\''; }

  Tag tag() {
    Tag tag{.name = {}, .attributes = {}, .line = line_};
    skip(1);
    tag.name = name();
    while (true) {
      skip_blanks();
      const std::string_view key = name();
      if (key.empty()) return tag;
      skip_blanks();
      if (!text_.starts_with('=')) return tag;
      skip(1);
      skip_blanks();
      const char quote = text_.empty() ? ' ' : text_.front();
      const std::size_t end = quote == '"' || quote == '\'' ? text_.find(quote, 1) : std::string_view::npos;
      if (end == std::string_view::npos) return tag;
      tag.attributes.push_back({key, text_.substr(1, end - 1)});
      skip(end + 1);
    }
  }

  std::string_view name() {
    const auto end = std::ranges::find_if_not(text_, in_name);
    const std::string_view name = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
    skip(name.size());
    return name;
  }

  void skip_blanks() { skip(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }
  bool skip_to(char c) {
    skip(std::min(text_.find(c), text_.size()));
    return !text_.empty();
  }
  void skip_behind(std::string_view end) {
    const std::size_t at = text_.find(end);
    skip(at == std::string_view::npos ? text_.size() : at + end.size());
  }
  void skip(std::size_t bytes) {
    line_ += static_cast<std::size_t>(std::ranges::count(text_.substr(0, bytes), '\n'));
    text_.remove_prefix(bytes);
  }

  std::string_view text_;  // what is left
  std::size_t line_ = 1;
};

// How many numbers "0-99,200" has, 2^60 at most; what is no number counts as nothing.
std::uint64_t numbers_in(std::string_view radical) {
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 60U;
  std::uint64_t sum = 0;
  while (!radical.empty()) {
    const std::string_view part = radical.substr(0, radical.find(','));
    radical.remove_prefix(std::min(radical.size(), part.size() + 1));
    const auto number = [](std::string_view text) {
      std::uint64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      return error == std::errc::result_out_of_range ? kMost : std::min(value, kMost);
    };
    const std::size_t dash = part.find('-');
    const std::uint64_t first = number(part.substr(0, dash));
    const std::uint64_t last = dash == std::string_view::npos ? first : number(part.substr(dash + 1));
    if (last >= first) sum = std::min(kMost, sum + (last - first + 1));
  }
  return sum;
}

std::optional<std::string> refused(const Tag& tag) {
  if (tag.name == "config") {
    return "<config> would change how SimGrid computes: here it computes all flows in the same way; leave it out";
  }
  if (tag.name == "actor" || tag.name == "process") {
    return fmt::format("<{}>: what runs on the hosts is up to the scenario; leave it out", tag.name);
  }
  if (tag.find("sharing_policy") == "WIFI") {
    return fmt::format(
        "the link \"{}\" is a WIFI: a platform file cannot say how fast its stations are; describe links instead",
        scenarios::printable(tag.find("id")));
  }
  constexpr std::string_view kOverTime =
      "hosts and links that change by a profile are not simulated; leave it out, and say in the scenario what goes wrong "
      "(the faults worker-crash and worker-slow)";
  if (tag.name == "trace_connect")
    return fmt::format("<trace_connect> of \"{}\": {}", scenarios::printable(tag.find("element")), kOverTime);
  if (tag.name == "trace") return std::nullopt;  // a file of its own does nothing
  for (const Attribute& attribute : tag.attributes) {
    if (!attribute.name.ends_with("_file") || attribute.value.empty()) continue;
    return fmt::format("{} of \"{}\": {}", scenarios::printable(attribute.name), scenarios::printable(tag.find("id")),
                       kOverTime);
  }
  if (numbers_in(tag.find("radical")) > scenarios::kMostPlatformHosts)
    return fmt::format("\"{}\" has too many hosts: at most {} are allowed", scenarios::printable(tag.find("id")),
                       scenarios::kMostPlatformHosts);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> refused_in_platform(std::string_view xml) {
  Tags tags(xml);
  while (const auto tag = tags.next()) {
    if (const auto why = refused(*tag)) return fmt::format("line {}: {}", tag->line, *why);
  }
  return std::nullopt;
}

}  // namespace drydock::sim
