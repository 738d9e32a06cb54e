#include "scenarios/document.hpp"

#include "scenarios/wording.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <vector>

namespace drydock::scenarios {
namespace {

constexpr std::size_t kDeepest = 64;
// Lines of further array elements are not remembered: a list of values may be long.
constexpr std::size_t kElementsWithLines = 1000;

struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};

Position position_of(std::string_view text, std::size_t offset) {
  Position position;
  for (const char c : text.substr(0, std::min(offset, text.size()))) {
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else {
      ++position.column;
    }
  }
  return position;
}

// An iterator over the text that tells how far the parser has read.
class Tracked {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Tracked(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  Tracked& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  Tracked operator++(int) {
    Tracked old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const Tracked& a, const Tracked& b) { return a.at_ == b.at_; }
  friend bool operator!=(const Tracked& a, const Tracked& b) { return a.at_ != b.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// What the parser complains about, without its own prefix and position.
std::string complaint(std::string_view what) {
  if (const auto at = what.find(" - "); at != std::string_view::npos) return std::string(what.substr(at + 3));
  if (const auto at = what.find("] "); at != std::string_view::npos) return std::string(what.substr(at + 2));
  return std::string(what);
}

}  // namespace

// Receives the parser's calls (the interface that nlohmann::json::sax_parse asks for).
class DocumentBuilder {
 public:
  DocumentBuilder(Document& document, std::string_view text, const char** furthest)
      : document_(document), text_(text), furthest_(furthest) {}

  bool null() { return add(Json(nullptr)); }
  bool boolean(bool value) { return add(Json(value)); }
  bool number_integer(Json::number_integer_t value) { return add(Json(value)); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(Json(value)); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(Json(value)); }
  bool string(std::string& value) { return add(Json(std::move(value))); }
  bool binary(Json::binary_t&) { return fail("binary values are not JSON"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& value) {
    Level& level = stack_.back();
    level.key = value;
    if (level.value->contains(value))
      return fail(fmt::format("the key \"{}\" is there twice in one object", printable(value)));
    return true;
  }
  bool parse_error(std::size_t offset, const std::string&, const nlohmann::detail::exception& error) {
    const Position at = position_of(text_, offset == 0 ? 0 : offset - 1);
    error_ = fmt::format("{}:{}:{}: not valid JSON: {}", document_.file_, at.line, at.column,
                         printable(complaint(error.what()), 300));
    return false;
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Level {
    Json* value;
    std::string pointer;
    std::string key;
  };

  bool fail(std::string_view why) {
    const Position at = position_of(text_, offset());
    error_ = fmt::format("{}:{}:{}: {}", document_.file_, at.line, at.column, why);
    return false;
  }
  [[nodiscard]] std::size_t offset() const {
    const auto read = static_cast<std::size_t>(*furthest_ - text_.data());
    return read == 0 ? 0 : read - 1;
  }
  // Counts on from where it stopped, so that all lines together cost one pass.
  std::uint32_t line() {
    const std::size_t end = offset();
    const auto from = text_.begin() + static_cast<std::ptrdiff_t>(std::min(counted_to_, end));
    line_ += static_cast<std::uint32_t>(std::count(from, text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    counted_to_ = std::max(counted_to_, end);
    return line_;
  }
  Json* place(Json value, std::string& pointer) {
    const std::uint32_t at = line();
    if (stack_.empty()) {
      document_.root_ = std::move(value);
      document_.lines_[""] = at;
      return &document_.root_;
    }
    Level& level = stack_.back();
    if (level.value->is_array()) {
      const std::size_t index = level.value->size();
      pointer = fmt::format("{}/{}", level.pointer, index);
      if (index < kElementsWithLines) document_.lines_[pointer] = at;
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    pointer = level.pointer + "/" + escape_pointer(level.key);
    document_.lines_[pointer] = at;
    return &((*level.value)[level.key] = std::move(value));
  }
  bool add(Json value) {
    std::string pointer;
    place(std::move(value), pointer);
    return true;
  }
  bool open(Json value) {
    if (stack_.size() == kDeepest) return fail(fmt::format("nested more than {} deep", kDeepest));
    std::string pointer;
    Json* placed = place(std::move(value), pointer);
    stack_.push_back({placed, std::move(pointer), ""});
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  Document& document_;
  std::string_view text_;
  const char** furthest_;
  std::vector<Level> stack_;
  std::size_t counted_to_ = 0;
  std::uint32_t line_ = 1;
  std::string error_;
};

Result<Document> Document::parse(std::string_view text, std::string_view file) {
  Document document;
  document.file_ = std::string(file);
  // The parser takes it for the end.
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {
    const Position at = position_of(text, nul);
    return Error{fmt::format("{}:{}:{}: not valid JSON: a NUL byte", file, at.line, at.column)};
  }
  const char* furthest = text.data();
  DocumentBuilder builder(document, text, &furthest);
  const Tracked begin(text.data(), &furthest);
  const Tracked end(text.data() + text.size(), &furthest);
  if (!Json::sax_parse(begin, end, &builder, Json::input_format_t::json, true, true)) return Error{builder.error()};
  return document;
}

namespace {

// The entry at `pointer` or at the nearest part around it.
template <class Map>
typename Map::const_iterator nearest(const Map& map, const std::string& pointer) {
  for (std::string part = pointer;; part.resize(part.rfind('/'))) {
    if (const auto it = map.find(part); it != map.end() || part.empty()) return it;
  }
}

}  // namespace

std::string Document::place(const std::string& pointer) const {
  const std::string shown = pointer.empty() ? "the top level" : printable(pointer, 200);
  const auto line = nearest(lines_, pointer);
  const auto origin = nearest(origins_, pointer);
  const bool has_origin = origin != origins_.end();
  // The line of something around a value that was put in later would be a wrong one.
  const bool has_line = line != lines_.end() && (!has_origin || line->first.size() >= origin->first.size());
  return fmt::format("{}{}: {}{}", file_, has_line ? fmt::format(":{}", line->second) : "", shown,
                     has_origin ? fmt::format(" ({})", origin->second) : "");
}

namespace {

// Entries of `map` at and under `pointer`.
template <class Map>
auto under(Map& map, const std::string& pointer) {
  std::vector<typename Map::iterator> found;
  for (auto it = map.lower_bound(pointer); it != map.end() && it->first.starts_with(pointer); ++it) {
    if (it->first.size() == pointer.size() || it->first[pointer.size()] == '/') found.push_back(it);
  }
  return found;
}

std::string unescape_pointer(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escaped = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
    out += !escaped ? part[i] : part[i + 1] == '0' ? '~' : '/';
    if (escaped) ++i;
  }
  return out;
}

// Index of an array named by a part of a pointer; `size` for "-". False when it is none, or beyond `size`.
bool array_index(std::string_view part, std::size_t size, std::size_t& index) {
  if (part == "-") {
    index = size;
    return true;
  }
  if (part.empty() || part.size() > 9 || !std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  if (part.size() > 1 && part[0] == '0') return false;
  index = std::stoul(std::string(part));
  return index <= size;
}

// Where a pointer leads: its parent, with objects made on the way where there was nothing.
struct Walk {
  Json* parent;
  std::string pointer;  // of the parent
  std::string last;
  std::string made;  // the outermost object that was made
};

Result<Walk> walk(Json& root, const std::string& pointer) {
  Walk walk{&root, "", "", ""};
  std::size_t at = 1;
  while (true) {
    const std::size_t slash = std::min(pointer.find('/', at), pointer.size());
    const std::string part = unescape_pointer(std::string_view(pointer).substr(at, slash - at));
    if (slash == pointer.size()) {
      walk.last = part;
      return walk;
    }
    const std::string here = walk.pointer.empty() ? "the top level" : printable(walk.pointer, 200);
    std::size_t index = 0;
    if (walk.parent->is_object()) {
      if (!walk.parent->contains(part)) {
        if (walk.made.empty()) walk.made = walk.pointer + "/" + escape_pointer(part);
        const std::string_view after = std::string_view(pointer).substr(slash + 1);
        (*walk.parent)[part] = after == "-" || after.starts_with("-/") ? Json::array() : Json::object();
      }
      walk.parent = &(*walk.parent)[part];
    } else if (walk.parent->is_array()) {
      if (!array_index(part, walk.parent->size(), index) || index == walk.parent->size()) {
        return Error{
            fmt::format("{} is a list of {}: \"{}\" is no index of it", here, walk.parent->size(), printable(part))};
      }
      walk.parent = &(*walk.parent)[index];
    } else {
      return Error{fmt::format("{} is neither an object nor a list: it has no \"{}\"", here, printable(part))};
    }
    walk.pointer += "/" + escape_pointer(part);
    at = slash + 1;
  }
}

}  // namespace

Result<bool> Document::set(const std::string& pointer, Json value, const std::string& origin, const std::string& source) {
  if (pointer.empty() || pointer[0] != '/') {
    return Error{fmt::format("\"{}\" is no JSON pointer: write one such as /policies/placement", printable(pointer))};
  }
  auto found = walk(root_, pointer);
  if (!found) return Error{found.error().message};
  const Walk& target = found.value();
  const std::string here = target.pointer.empty() ? "the top level" : printable(target.pointer, 200);
  std::string place = target.pointer + "/" + escape_pointer(target.last);
  if (target.parent->is_object()) {
    (*target.parent)[target.last] = std::move(value);
  } else if (target.parent->is_array()) {
    std::size_t index = 0;
    if (!array_index(target.last, target.parent->size(), index)) {
      return Error{fmt::format("{} is a list of {}: \"{}\" is no index of it (write \"-\" to append)", here,
                               target.parent->size(), printable(target.last))};
    }
    place = fmt::format("{}/{}", target.pointer, index);
    if (index == target.parent->size()) {
      target.parent->push_back(std::move(value));
    } else {
      (*target.parent)[index] = std::move(value);
    }
  } else {
    return Error{fmt::format("{} is neither an object nor a list: it has no \"{}\"", here, printable(target.last))};
  }
  for (const auto it : under(lines_, place)) lines_.erase(it);
  for (const auto it : under(origins_, place)) origins_.erase(it);
  origins_[target.made.empty() ? place : target.made] = origin;
  if (source.empty()) return true;
  for (const auto it : under(lines_, source)) lines_[place + it->first.substr(source.size())] = it->second;
  for (const auto it : under(origins_, source)) origins_[place + it->first.substr(source.size())] = it->second;
  return true;
}

std::string escape_pointer(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace drydock::scenarios
