// drydock version
#include "cli/version.hpp"

#include "cli/command.hpp"

#include <CLI/App.hpp>
#include <cstdio>
#include <fmt/format.h>

namespace drydock::cli {
namespace {

class Version final : public Command {
 public:
  void declare(CLI::App&) override {}
  int run(const Terminal&) override {
    fmt::print("drydock {}\n", kVersion);
    const auto fact = [](std::string_view name, std::string_view value) {
      if (!value.empty()) fmt::print("{:<12}{}\n", name, value);
    };
    fact("compiler", kCompiler);
    fact("build type", kBuildType);
    fact("sanitizers", kSanitizers);
    fact("target", kTarget);
    fact("SimGrid", kSimgridVersion);
    fact("Eigen", kEigenVersion);
    fact("nlohmann", kJsonVersion);
    fact("fmt", kFmtVersion);
    fact("zlib", kZlibVersion);
    return kDone;
  }
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<Version>(); }

}  // namespace drydock::cli
