// The cluster of a SimGrid platform file. SimGrid itself reads such files, elsewhere; here is what comes of it.
#pragma once

#include "policies/core/result.hpp"
#include "scenarios/document.hpp"
#include "scenarios/scenario.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace drydock::scenarios {

// No platform file may have more hosts.
inline constexpr std::size_t kMostPlatformHosts = 1'000'000;

// A host as the file has it.
struct PlatformHost {
  std::string name;
  std::string zone;  // the net zone that it is in
  double flops = 0;  // 1/s, of a core
  std::int64_t cores = 1;
  std::map<std::string, std::string> properties;
};

// All hosts of a file, in its order. With a host called `site` in it, it also makes sure that every other one is connected with it.
// Errors begin with the file's path.
using PlatformReader =
    std::function<Result<std::vector<PlatformHost>>(const std::filesystem::path& file, const std::string& site)>;

// Platform files by path, so that the variants of a scenario share what they read.
class PlatformFiles {
 public:
  // Paths in scenarios are relative to `base`. Without a reader no file is touched.
  PlatformFiles(std::filesystem::path base, PlatformReader reader) : base_(std::move(base)), reader_(std::move(reader)) {}

  [[nodiscard]] bool can_read() const { return reader_ != nullptr; }
  [[nodiscard]] std::filesystem::path full_path(const std::string& file) const;
  // The hosts but the site, as groups: one for each zone and kind, in the order of the file. There must be a reader. Errors likewise.
  [[nodiscard]] Result<std::vector<HostGroup>> groups(const std::string& file, const std::string& site);

 private:
  std::filesystem::path base_;
  PlatformReader reader_;
  std::map<std::pair<std::string, std::string>, Result<std::vector<HostGroup>>> read_;
};

// Groups as a scenario records them, so that journals and what `drydock hunt` finds say what was there.
[[nodiscard]] Json record_of(const std::vector<HostGroup>& groups);

}  // namespace drydock::scenarios
