#include "cli/report_page.hpp"

#include "cli/report_template.hpp"
#include "policies/core/assert.hpp"

namespace drydock::cli {
namespace {

constexpr std::string_view kTitle = "DRYDOCK-TITLE";
constexpr std::string_view kData = "\"DRYDOCK-DATA\"";

std::string for_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') escaped += "&lt;";
    else if (c == '&') escaped += "&amp;";
    else escaped += c;
  }
  return escaped;
}

}  // namespace

bool has_report_page() { return !report_template().empty(); }

std::string report_page(std::string_view title, std::string_view data) {
  const std::string_view page = report_template();
  const std::size_t at_title = page.find(kTitle);
  const std::size_t at_data = page.find(kData);
  DRYDOCK_CHECK(at_title < at_data && at_data != std::string_view::npos, "the page has places for title and data");
  std::string text;
  text.reserve(page.size() + title.size() + data.size());
  text += page.substr(0, at_title);
  text += for_html(title);
  text += page.substr(at_title + kTitle.size(), at_data - at_title - kTitle.size());
  text += data;
  text += page.substr(at_data + kData.size());
  return text;
}

}  // namespace drydock::cli
