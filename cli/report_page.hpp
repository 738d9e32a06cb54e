// The page that shows reports, made from ../reports/web when drydock is built.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drydock::cli {

// Built without it, there is none.
[[nodiscard]] bool has_report_page();
// With data (of reports::report_page_data) and a title in it. Needs the page.
[[nodiscard]] std::string report_page(std::string_view title, std::string_view data);

}  // namespace drydock::cli
