// --plugin: policies from shared objects (policies/plugin.hpp), added to the catalog before a command looks at it.
#pragma once

#include "policies/core/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace drydock::cli {

struct PluginOptions {
  std::vector<std::string> files;
  int patience_s = 10;
};

// --plugin and --plugin-patience.
void declare_plugins(CLI::App& app, PluginOptions& options);

// Loads those of the options and of the environment variable DRYDOCK_PLUGIN (files, with ':' between them), in which they then all stand, so
// that the processes that this one starts have them, too. To be called once. An error names the file and says what to do.
[[nodiscard]] std::optional<Error> load_plugins(const PluginOptions& options);

}  // namespace drydock::cli
