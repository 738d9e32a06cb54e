// JSON text as a value that remembers where its parts were written, so that messages can say so.
#pragma once

#include "policies/core/result.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace drydock::scenarios {

using Json = nlohmann::json;

// `//` and `/* */` comments are allowed; duplicate keys, nesting deeper than 64 and numbers that overflow are not. Errors
// name file:line:column.
class Document {
 public:
  [[nodiscard]] static Result<Document> parse(std::string_view text, std::string_view file);

  [[nodiscard]] const Json& root() const { return root_; }
  [[nodiscard]] const std::string& file() const { return file_; }

  // "file:12: /a/b", or "file: /a/b (from --set)" for a value that did not come from the file.
  [[nodiscard]] std::string place(const std::string& pointer) const;

  // Puts `value` at `pointer`: replaces a member or an element, adds a member to an object, or appends to an array ("-" or
  // the index after the last). Objects on the way are made where there is nothing: whoever reads the document refuses those
  // that do not belong there. Messages about the value will name `origin` and, if `source` is not empty, the lines of that
  // other part of the document. Errors say what is there instead.
  [[nodiscard]] Result<bool> set(const std::string& pointer, Json value, const std::string& origin,
                                 const std::string& source = "");
  void erase(const std::string& key) { root_.erase(key); }

 private:
  friend class DocumentBuilder;
  Json root_;
  std::string file_;
  std::map<std::string, std::uint32_t> lines_;  // by JSON pointer
  std::map<std::string, std::string> origins_;  // by JSON pointer, of values that were put in later
};

// A key or index as a part of a JSON pointer (RFC 6901): ~ and / escaped.
[[nodiscard]] std::string escape_pointer(std::string_view key);

}  // namespace drydock::scenarios
