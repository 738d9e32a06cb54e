// The help of one command, fitted to the width of the terminal.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

namespace drydock::cli {

// CLI11's own, which breaks no lines.
class HelpFormatter final : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::size_t width);
  [[nodiscard]] std::string make_option_desc(const CLI::Option* option) const override;
  [[nodiscard]] std::string make_description(const CLI::App* app) const override;
  // Lines that begin with a space are examples, to be copied: never broken.
  [[nodiscard]] std::string make_footer(const CLI::App* app) const override;

 private:
  std::size_t width_;
};

}  // namespace drydock::cli
