// What cmake/report_page.cmake makes of the page of ../reports/web.
#pragma once

#include <string_view>

namespace drydock::cli {

// With "DRYDOCK-TITLE" and "DRYDOCK-DATA" in it, in this order; empty where drydock was built without the page.
[[nodiscard]] std::string_view report_template();

}  // namespace drydock::cli
