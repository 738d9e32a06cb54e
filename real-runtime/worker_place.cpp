#include "real-runtime/worker_place.hpp"

#include "real-runtime/process_tree.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <string_view>
#include <unistd.h>

namespace drydock::runtime {

namespace {

constexpr std::string_view kLeaseField = "lease_ms";
constexpr std::string_view kMachineField = "machine";
constexpr std::string_view kLifeField = "life";
constexpr std::string_view kProcessField = "process";
constexpr std::string_view kJobsFolderField = "jobs_folder";

std::string field_of(const redis::Fields& fields, std::string_view name) {
  const auto at = fields.find(name);
  return at == fields.end() ? std::string() : at->second;
}

}  // namespace

redis::Fields place_fields(const WorkerPlace& place) {
  redis::Fields fields;
  if (place.lease) fields.emplace(kLeaseField, std::to_string(redis::ttl_ms(*place.lease)));
  if (!place.machine.empty()) fields.emplace(kMachineField, place.machine);
  if (!place.life.empty()) fields.emplace(kLifeField, place.life);
  if (!place.process.empty()) fields.emplace(kProcessField, place.process);
  if (!place.jobs_folder.empty()) fields.emplace(kJobsFolderField, place.jobs_folder);
  return fields;
}

WorkerPlace read_place(const redis::Fields& fields) {
  WorkerPlace place{.machine = field_of(fields, kMachineField),
                    .life = field_of(fields, kLifeField),
                    .process = field_of(fields, kProcessField),
                    .jobs_folder = field_of(fields, kJobsFolderField)};
  const std::string lease = field_of(fields, kLeaseField);
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(lease.data(), lease.data() + lease.size(), ms);
  if (error == std::errc{} && end == lease.data() + lease.size()) place.lease = redis::duration_of_ms(ms);
  return place;
}

std::string this_machine() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return std::string(name.data()) + "/" + boot;
}

std::string this_process() {
  const auto start = start_time_of(::getpid());
  const std::string names = process_namespace();
  if (!start || names.empty()) return "";
  return fmt::format("{}/{}/{}", ::getpid(), *start, names);
}

// A namespace that is gone may have had the name of this one: then all of its processes are gone, too.
std::optional<bool> is_alive(const WorkerPlace& place) {
  const std::string names = process_namespace();
  if (place.machine != this_machine() || names.empty() || !place.process.ends_with("/" + names)) return std::nullopt;
  pid_t number = 0;
  std::uint64_t start = 0;
  const char* const end = place.process.data() + place.process.size();
  const auto first = std::from_chars(place.process.data(), end, number);
  if (first.ec != std::errc{} || number <= 0 || *first.ptr != '/') return std::nullopt;
  if (std::from_chars(first.ptr + 1, end, start).ec != std::errc{}) return std::nullopt;
  if (::kill(number, 0) != 0 && errno == ESRCH) return false;
  const auto present = start_time_of(number);
  if (present) return *present == start;
  // One that is there without a time of its start is a zombie; one that is hidden is not there.
  std::error_code error;
  if (std::filesystem::exists(fmt::format("/proc/{}/stat", number), error)) return false;
  return std::nullopt;
}

}  // namespace drydock::runtime
