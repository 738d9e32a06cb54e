#include "real-runtime/job_payload.hpp"

#include "real-runtime/base64.hpp"
#include "real-runtime/json_text.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace drydock::runtime {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kPulls{"missing", "never", "always"};
constexpr double kMostSeconds = 1e9;
constexpr std::int64_t kMostPids = 1'000'000'000;
constexpr std::size_t kMostName = 4096;
constexpr std::int64_t kMostTokens = 1'000'000'000;
constexpr std::int64_t kMostRequestNs = 100'000'000'000'000;  // of one; all of a job then fit into a Duration

// --- writing ---

struct Writer {
  json operator()(const SleepPayload& sleep) const { return {{"sleep_ns", nanos(sleep.work)}, {"keeps", sleep.keeps}}; }
  json operator()(const RequestsPayload& requests) const {
    json durations = json::array();
    for (const Duration duration : requests.durations) durations.push_back(nanos(duration));
    return {{"requests",
             {{"durations_ns", std::move(durations)}, {"tokens", requests.tokens}, {"delay_ns", nanos(requests.delay)}}}};
  }
  json operator()(const CommandPayload& command) const { return {{"command", command.words}}; }
  json operator()(const ScriptPayload& script) const { return {{"script", script.text}}; }
  json operator()(const ContainerPayload& container) const {
    json object{{"image", container.image}};
    if (!container.words.empty()) object["command"] = container.words;
    if (container.memory_bytes) object["memory"] = *container.memory_bytes;
    if (container.cpus_milli) object["cpus"] = static_cast<double>(*container.cpus_milli) / 1000;
    if (!container.network.empty()) object["network"] = container.network;
    if (container.pull != ContainerPayload::Pull::missing) {
      object["pull"] = kPulls.at(static_cast<std::size_t>(container.pull));
    }
    return {{"container", object}};
  }
  json operator()(const InputFile& file) const {
    json object{{"name", file.name}};
    if (const auto* local = std::get_if<InputFile::Local>(&file.content)) {
      object["path"] = local->path;
      if (local->linked) object["mode"] = "link";
    } else {
      const std::string& bytes = std::get<InputFile::Inline>(file.content).bytes;
      const bool plain = std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
      if (plain) object["text"] = bytes;
      else object["base64"] = to_base64(bytes);
    }
    if (file.executable) object["executable"] = true;
    return object;
  }
};

// --- reading ---

// Reads on after a mistake, as if it were not there; the first one counts.
class Reader {
 public:
  Result<JobPayload> read(const json& object) {
    if (!object.is_object()) return Error{"the payload of the job is not a JSON object"};
    if (const auto version = object.find("version"); version != object.end() && *version != 1) {
      refuse("/version", "this program reads version 1");
    }
    JobPayload payload = read_payload(object);
    if (problem_) return Error{"the payload of the job: " + *problem_};
    return payload;
  }

 private:
  void refuse(const std::string& place, std::string_view what) {
    if (!problem_) problem_ = place.empty() ? std::string(what) : fmt::format("{}: {}", place, what);
  }

  void allow_only(const json& object, const std::string& place, std::initializer_list<std::string_view> keys) {
    for (const auto& [key, value] : object.items()) {
      if (std::ranges::find(keys, key) == keys.end()) {
        refuse(fmt::format("{}/{}", place, key), fmt::format("there is no such key; allowed: {}", fmt::join(keys, ", ")));
      }
    }
  }

  JobPayload read_payload(const json& object) {
    // What people write, and how the program writes the rest of it.
    constexpr std::array<std::string_view, 6> kKinds{"command", "script", "container", "sleep", "sleep_ns", "requests"};
    const auto kinds = std::ranges::count_if(kKinds, [&](auto kind) { return object.contains(kind); });
    if (kinds != 1) refuse("", fmt::format("it needs one of command, script, container and sleep, and has {}", kinds));
    if (object.contains("sleep") || object.contains("sleep_ns")) {
      allow_only(object, "", {"version", "sleep", "sleep_ns", "keeps", "parameters"});
      return {read_sleep(object), read_settings(object)};
    }
    if (object.contains("requests")) {
      allow_only(object, "", {"version", "requests"});
      return read_requests(object["requests"]);
    }
    allow_only(object, "",
               {"version", "command", "script", "container", "environment", "files", "time_limit_s", "grace_s", "pids",
                "parameters"});
    JobSettings settings = read_settings(object);
    if (object.contains("container")) return {read_container(object["container"]), std::move(settings)};
    if (object.contains("script")) {
      std::string script = text(object["script"], "/script");
      if (script.empty()) refuse("/script", "it is empty");
      return {ScriptPayload{std::move(script)}, std::move(settings)};
    }
    if (!object.contains("command")) return SleepPayload{};  // refused above
    return {CommandPayload{words(object["command"], "/command")}, std::move(settings)};
  }

  SleepPayload read_sleep(const json& object) {
    SleepPayload sleep;
    if (object.contains("sleep")) {
      sleep.work = written_duration(object["sleep"], "/sleep");
    } else {
      sleep.work = Duration{whole(object["sleep_ns"], "/sleep_ns", 0, std::numeric_limits<std::int64_t>::max())};
      sleep.keeps = false;
    }
    if (object.contains("keeps")) sleep.keeps = truth(object["keeps"], "/keeps");
    return sleep;
  }

  RequestsPayload read_requests(const json& object) {
    RequestsPayload requests;
    allow_only(object, "/requests", {"durations_ns", "tokens", "delay_ns"});
    const json none;
    const json& durations = object.is_object() && object.contains("durations_ns") ? object["durations_ns"] : none;
    if (!durations.is_array() || durations.empty() || durations.size() > kMostRequestsOfAJob) {
      refuse("/requests/durations_ns", fmt::format("expected a list of 1 to {} numbers", kMostRequestsOfAJob));
      return requests;
    }
    for (std::size_t i = 0; i < durations.size(); ++i) {
      const std::int64_t ns = whole(durations[i], fmt::format("/requests/durations_ns/{}", i), 0, kMostRequestNs);
      requests.durations.emplace_back(ns);
    }
    if (object.contains("tokens")) requests.tokens = whole(object["tokens"], "/requests/tokens", 0, kMostTokens);
    if (object.contains("delay_ns")) {
      requests.delay = Duration{whole(object["delay_ns"], "/requests/delay_ns", 0, kMostRequestNs)};
    }
    return requests;
  }

  JobSettings read_settings(const json& object) {
    JobSettings settings;
    if (object.contains("environment")) settings.environment = read_environment(object["environment"]);
    if (object.contains("files")) settings.files = read_files(object["files"]);
    if (object.contains("time_limit_s")) settings.time_limit = duration(object["time_limit_s"], "/time_limit_s");
    if (settings.time_limit == Duration{0}) refuse("/time_limit_s", "it must be above 0");
    if (object.contains("grace_s")) settings.grace = duration(object["grace_s"], "/grace_s");
    if (object.contains("pids")) settings.pids = whole(object["pids"], "/pids", 1, kMostPids);
    if (object.contains("parameters")) {
      settings.parameters = object["parameters"].dump(-1, ' ', false, json::error_handler_t::replace);
    }
    return settings;
  }

  std::map<std::string, std::string> read_environment(const json& object) {
    std::map<std::string, std::string> environment;
    if (!object.is_object()) refuse("/environment", "it is not an object of texts");
    for (const auto& [name, value] : object.items()) {
      const std::string place = "/environment/" + name;
      if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
        refuse(place, "this cannot be the name of a variable");
      }
      if (name.starts_with("DRYDOCK_")) refuse(place, "names with DRYDOCK_ are set by the worker");
      environment[name] = text(value, place);
    }
    return environment;
  }

  std::vector<InputFile> read_files(const json& list) {
    std::vector<InputFile> files;
    if (!list.is_array()) refuse("/files", "it is not a list");
    else if (list.size() > kMostInputFiles) refuse("/files", fmt::format("at most {} files", kMostInputFiles));
    else {
      for (const json& object : list) files.push_back(read_file(object, fmt::format("/files/{}", files.size())));
    }
    check_apart(files);
    return files;
  }

  // Two of one name, or one within another: where that is a link, it would be written elsewhere.
  void check_apart(const std::vector<InputFile>& files) {
    std::set<std::string_view> names;
    for (const InputFile& file : files) {
      if (!names.insert(file.name).second) refuse("/files", fmt::format("{} is there twice", file.name));
    }
    for (const std::string_view name : names) {
      for (std::size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/', slash + 1)) {
        if (names.contains(name.substr(0, slash))) {
          refuse("/files", fmt::format("{} cannot be within {}, which is a file", name, name.substr(0, slash)));
        }
      }
    }
  }

  InputFile read_file(const json& object, const std::string& place) {
    InputFile file;
    if (!object.is_object()) {
      refuse(place, "it is not an object");
      return file;
    }
    allow_only(object, place, {"name", "text", "base64", "path", "mode", "executable"});
    if (object.contains("name")) file.name = text(object["name"], place + "/name");
    check_name(file.name, place + "/name");
    if (object.contains("executable")) file.executable = truth(object["executable"], place + "/executable");
    if (object.contains("text") + object.contains("base64") + object.contains("path") != 1) {
      refuse(place, "it needs one of text, base64, path");
    } else if (object.contains("text")) {
      if (!object["text"].is_string()) refuse(place + "/text", "it is not a text");
      else file.content = InputFile::Inline{object["text"].get<std::string>()};
    } else if (object.contains("base64")) {
      auto bytes = from_base64(text(object["base64"], place + "/base64"));
      if (!bytes) refuse(place + "/base64", "it is not base64");
      else file.content = InputFile::Inline{std::move(*bytes)};
    } else {
      file.content = read_local(object, place);
    }
    if (object.contains("mode") && !object.contains("path")) refuse(place + "/mode", "only for a path");
    return file;
  }

  InputFile::Local read_local(const json& object, const std::string& place) {
    InputFile::Local local{.path = text(object["path"], place + "/path")};
    if (!local.path.starts_with('/')) refuse(place + "/path", "it is not an absolute path");
    if (!object.contains("mode")) return local;
    const std::string mode = text(object["mode"], place + "/mode");
    if (mode != "copy" && mode != "link") refuse(place + "/mode", "copy or link");
    local.linked = mode == "link";
    return local;
  }

  // It must name something within the working directory, and nothing that the worker puts there.
  void check_name(const std::string& name, const std::string& place) {
    if (name.empty() || name.size() > kMostName) return refuse(place, "it needs a name of at most 4096 bytes");
    if (name.starts_with('/')) return refuse(place, "it is an absolute path: it must stay within the working directory");
    std::string_view rest = name;
    for (bool first = true; !rest.empty() || first; first = false) {
      const std::size_t end = std::min(rest.find('/'), rest.size());
      const std::string_view part = rest.substr(0, end);
      if (part.empty() || part == "." || part == "..") {
        return refuse(place, fmt::format("{} does not stay plainly within the working directory", name));
      }
      if (first && (part == kTaskFile || part == kScriptFile || part == kResultsFolder)) {
        return refuse(place, fmt::format("{} is made by the worker", part));
      }
      if (end == rest.size()) return;
      rest.remove_prefix(end + 1);
      if (rest.empty()) return refuse(place, "it ends with a slash");
    }
  }

  ContainerPayload read_container(const json& object) {
    ContainerPayload container;
    if (!object.is_object()) {
      refuse("/container", "it is not an object");
      return container;
    }
    allow_only(object, "/container", {"image", "command", "memory", "cpus", "network", "pull"});
    if (object.contains("image")) container.image = text(object["image"], "/container/image");
    // What begins with a dash would be an option of the engine.
    if (container.image.empty() || container.image.starts_with('-'))
      refuse("/container/image", "it needs the name of an image");
    if (object.contains("command")) container.words = words(object["command"], "/container/command");
    if (object.contains("memory")) container.memory_bytes = size(object["memory"], "/container/memory");
    if (object.contains("cpus")) {
      const double cpus = number(object["cpus"], "/container/cpus", 0.001, 100'000);
      container.cpus_milli = std::llround(cpus * 1000);
    }
    if (object.contains("network")) {
      container.network = text(object["network"], "/container/network");
      if (container.network.empty() || container.network == "host" || container.network.starts_with("container:")) {
        refuse("/container/network", "it must be a network of its own: none, bridge, or the name of one");
      }
    }
    if (object.contains("pull")) {
      const auto pull = std::ranges::find(kPulls, text(object["pull"], "/container/pull"));
      if (pull == kPulls.end()) refuse("/container/pull", "missing, never or always");
      else container.pull = static_cast<ContainerPayload::Pull>(pull - kPulls.begin());
    }
    return container;
  }

  // --- values ---

  // Without NUL: it becomes an argument, a variable or a path.
  std::string text(const json& value, const std::string& place) {
    if (!value.is_string()) {
      refuse(place, "it is not a text");
      return {};
    }
    auto result = value.get<std::string>();
    if (result.find('\0') != std::string::npos) refuse(place, "it contains a NUL");
    return result;
  }

  bool truth(const json& value, const std::string& place) {
    if (value.is_boolean()) return value.get<bool>();
    refuse(place, "true or false");
    return false;
  }

  std::vector<std::string> words(const json& list, const std::string& place) {
    std::vector<std::string> result;
    if (!list.is_array() || list.empty()) refuse(place, "it is not a list of a program and its arguments");
    else {
      for (const json& word : list) result.push_back(text(word, fmt::format("{}/{}", place, result.size())));
      if (result.front().empty()) refuse(place + "/0", "it is not the name of a program");
    }
    return result;
  }

  std::int64_t whole(const json& value, const std::string& place, std::int64_t least, std::int64_t most) {
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() ||
                       value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    const std::int64_t number = fits ? value.get<std::int64_t>() : least;
    if (!fits || number < least || number > most) {
      refuse(place, fmt::format("it is not a whole number between {} and {}", least, most));
    }
    return number;
  }

  double number(const json& value, const std::string& place, double least, double most) {
    const double result = value.is_number() ? value.get<double>() : std::nan("");
    if (result >= least && result <= most) return result;
    refuse(place, fmt::format("it is not a number between {} and {}", least, most));
    return least;
  }

  Duration duration(const json& value, const std::string& place) {
    return duration_of_seconds(number(value, place, 0, kMostSeconds));
  }

  // "10s"
  Duration written_duration(const json& value, const std::string& place) {
    const auto parsed = value.is_string() ? scenarios::parse_duration(value.get_ref<const std::string&>())
                                          : Result<Duration>(Error{"it is not " + std::string(scenarios::kDurationHelp)});
    if (parsed) return parsed.value();
    refuse(place, parsed.error().message);
    return {};
  }

  // 1048576, "1MiB" or "1MB".
  std::int64_t size(const json& value, const std::string& place) {
    constexpr std::int64_t kMost = std::int64_t{1} << 52;
    if (!value.is_string()) return whole(value, place, 1, kMost);
    struct Unit {
      std::string_view name;
      double bytes;
    };
    constexpr std::array<Unit, 9> kUnits{{{"KiB", 1024.0},
                                          {"MiB", 1048576.0},
                                          {"GiB", 1073741824.0},
                                          {"TiB", 1099511627776.0},
                                          {"kB", 1e3},
                                          {"MB", 1e6},
                                          {"GB", 1e9},
                                          {"TB", 1e12},
                                          {"B", 1.0}}};
    const auto written = value.get<std::string>();
    for (const Unit& unit : kUnits) {
      if (!written.ends_with(unit.name)) continue;
      const json amount = json::parse(written.substr(0, written.size() - unit.name.size()), nullptr, false);
      const double bytes = amount.is_number() ? amount.get<double>() * unit.bytes : 0;
      if (bytes >= 1 && bytes <= static_cast<double>(kMost)) return std::llround(bytes);
      break;
    }
    refuse(place, R"(it is not a size, such as 1048576 or "512MiB")");
    return 1;
  }

  std::optional<std::string> problem_;
};

}  // namespace

std::string to_json(const JobPayload& payload) {
  json object = std::visit(Writer{}, payload.what);
  const JobSettings& settings = payload.settings;
  if (!settings.environment.empty()) object["environment"] = settings.environment;
  for (const InputFile& file : settings.files) object["files"].push_back(Writer{}(file));
  if (settings.time_limit) object["time_limit_s"] = seconds(*settings.time_limit);
  if (settings.grace) object["grace_s"] = seconds(*settings.grace);
  if (settings.pids) object["pids"] = *settings.pids;
  if (settings.parameters != "{}") object["parameters"] = json::parse(settings.parameters, nullptr, false);
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<JobPayload> parse_payload(std::string_view text) {
  if (is_nested_too_deep(text)) return Error{"the payload of the job is nested too deep"};
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return Error{"the payload of the job is not valid JSON"};
  return read_payload(object);
}

Result<JobPayload> read_payload(const json& object) { return Reader{}.read(object); }

}  // namespace drydock::runtime
