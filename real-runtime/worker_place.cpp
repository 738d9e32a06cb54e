#include "real-runtime/worker_place.hpp"

#include <array>
#include <charconv>
#include <fstream>
#include <string_view>
#include <unistd.h>

namespace drydock::runtime {

namespace {

constexpr std::string_view kLeaseField = "lease_ms";
constexpr std::string_view kMachineField = "machine";
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
  if (!place.jobs_folder.empty()) fields.emplace(kJobsFolderField, place.jobs_folder);
  return fields;
}

WorkerPlace read_place(const redis::Fields& fields) {
  WorkerPlace place{.machine = field_of(fields, kMachineField), .jobs_folder = field_of(fields, kJobsFolderField)};
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

}  // namespace drydock::runtime
