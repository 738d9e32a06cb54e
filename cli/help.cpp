#include "cli/help.hpp"

#include "cli/terminal.hpp"

#include <algorithm>
#include <string_view>

namespace drydock::cli {
namespace {

constexpr std::size_t kNamesMost = 34;  // columns for the options; descriptions begin behind them

// Without the newline that CLI11 adds itself.
std::string unended(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

HelpFormatter::HelpFormatter(std::size_t width) : width_(width) { column_width(std::min(kNamesMost, width / 3)); }

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  return unended(paragraph(option->get_description(), width_ - get_column_width()));
}

std::string HelpFormatter::make_description(const CLI::App* app) const { return paragraph(app->get_description(), width_); }

std::string HelpFormatter::make_footer(const CLI::App* app) const {
  std::string text;
  const std::string footer = app->get_footer();
  std::string_view rest = footer;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    text += line.starts_with(' ') ? std::string(line) + "\n" : paragraph(line, width_);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return text;
}

}  // namespace drydock::cli
