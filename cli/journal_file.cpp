#include "cli/journal_file.hpp"

#include "scenarios/loader.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>

namespace drydock::cli {

Result<JournalFile> open_journal(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{fmt::format("{}: this is a folder; give one of the journals in it", path)};
  errno = 0;
  auto stream = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*stream) return Error{fmt::format("{}: cannot open this journal: {}", path, std::strerror(errno))};
  auto reader = JournalReader::open(*stream);
  if (!reader) return Error{fmt::format("{}: {}", path, reader.error().message)};
  return JournalFile{std::move(stream), std::move(reader).value()};
}

Result<SchedulerConfig> recorded_configuration(const std::string& path, const JournalHeader& header,
                                               const std::vector<std::string>& sets) {
  const auto loaded = scenarios::load_text(header.scenario, path + " (scenario)", std::filesystem::path(path).parent_path(),
                                           {.sets = sets, .read_traces = false});
  if (!loaded) return loaded.error();
  SchedulerConfig config = loaded.value().front().scheduler;
  config.seed = header.seed;
  return config;
}

std::string describe(const JournalHeader& header) {
  const auto scenario = nlohmann::json::parse(header.scenario, nullptr, false, true);
  std::string text = "unnamed scenario";
  if (scenario.is_object() && scenario.contains("name") && scenario["name"].is_string())
    text = scenario["name"].get<std::string>();
  if (!header.variant.empty()) text += fmt::format(", variant {}", header.variant);
  return text + fmt::format(", seed {}, written by drydock {}", header.seed, header.version);
}

}  // namespace drydock::cli
