#include "policies/ports/share_text.hpp"
#include "real-runtime/json_text.hpp"
#include "real-runtime/random_text.hpp"
#include "real-runtime/share_store.hpp"
#include "real-runtime/worker_place.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drydock::runtime {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr Duration kLookForLockAgain = std::chrono::milliseconds{2};
constexpr std::size_t kMostStateBytes = 16U << 20U;
constexpr mode_t kShareFileMode = 0664;  // and what the umask takes away

class LockedDescriptor {
 public:
  explicit LockedDescriptor(int number) : number_(number) {}
  ~LockedDescriptor() {
    if (number_ >= 0) ::close(number_);
  }
  LockedDescriptor(const LockedDescriptor&) = delete;
  LockedDescriptor& operator=(const LockedDescriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

Error share_file_error(const fs::path& file, std::string_view what) {
  const int code = errno;
  std::string advice;
  if (code == EACCES || code == EPERM || code == EROFS) {
    advice =
        "; all who share must be allowed to write into its folder, and to read the file: run them as one user, or give the "
        "folder to a group of theirs";
  }
  return Error{fmt::format("the state of shares: cannot {} {}: {}{}", what, file.string(), std::strerror(code), advice)};
}

std::string boot_of(std::string_view machine) { return std::string(machine.substr(machine.rfind('/') + 1)); }

// What the file has.
struct ShareFileContent {
  std::string store;                 // its name, from its beginning on
  std::optional<std::string> state;  // none: it is new, or what there was is lost
};

ShareFileContent lost_content() { return {.store = random_text(8), .state = std::nullopt}; }

Result<std::string> read_state_text(int descriptor, const fs::path& file) {
  std::string text;
  std::array<char, 65536> part{};
  while (text.size() <= kMostStateBytes) {
    const ssize_t count = ::read(descriptor, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return share_file_error(file, "read");
    if (count == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  return Error{
      fmt::format("the state of shares: {} has more than {} bytes: it is another file", file.string(), kMostStateBytes)};
}

// A copy has another inode than it says.
Result<ShareFileContent> read_content(const fs::path& file) {
  const LockedDescriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0 && errno == ENOENT) return lost_content();
  if (descriptor.get() < 0) return share_file_error(file, "open");
  struct stat facts {};
  if (::fstat(descriptor.get(), &facts) != 0) return share_file_error(file, "look at");
  auto text = read_state_text(descriptor.get(), file);
  if (!text) return text.error();
  if (text.value().empty()) return lost_content();  // the machine ended before it was on the disk
  const json document = is_nested_too_deep(text.value()) ? json() : json::parse(text.value(), nullptr, false);
  const auto is = [&](const char* key, json::value_t type) {
    return document.is_object() && document.contains(key) && document.at(key).type() == type;
  };
  if (!is("drydock_shares", json::value_t::number_unsigned) || !is("machine", json::value_t::string) ||
      !is("store", json::value_t::string) || !is("inode", json::value_t::number_unsigned) ||
      !is("state", json::value_t::object)) {
    return Error{
        fmt::format("the state of shares: {} is another file: give a name of its own, or remove it", file.string())};
  }
  const std::string here = this_machine();
  const std::string there = document.at("machine").get<std::string>();
  const auto name_of = [](std::string_view machine) { return machine.substr(0, machine.rfind('/')); };
  const bool same_boot = boot_of(here) == boot_of(there);
  if (!same_boot && name_of(here) != name_of(there)) {
    return Error{
        fmt::format("the state of shares: {} belongs to the machine {}: a file is for the workers of one machine; use Redis "
                    "for those of several, or another file",
                    file.string(), name_of(there))};
  }
  if (!same_boot || document.at("inode").get<std::uint64_t>() != facts.st_ino) return lost_content();
  return ShareFileContent{.store = document.at("store").get<std::string>(), .state = document.at("state").dump()};
}

std::optional<Error> write_content(const fs::path& file, const std::string& store, const std::string& state) {
  const fs::path fresh = file.string() + ".new";
  (void)::unlink(fresh.c_str());  // of one that was killed: we hold the lock
  const LockedDescriptor descriptor(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kShareFileMode));
  if (descriptor.get() < 0) return share_file_error(fresh, "make");
  struct stat facts {};
  if (::fstat(descriptor.get(), &facts) != 0) return share_file_error(fresh, "look at");
  const std::string text =
      fmt::format("{{\"drydock_shares\":1,\"machine\":{},\"store\":{},\"inode\":{},\"state\":{}}}\n",
                  json(this_machine()).dump(), json(store).dump(), static_cast<std::uint64_t>(facts.st_ino), state);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(descriptor.get(), text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const Error error = share_file_error(fresh, "write");
      (void)::unlink(fresh.c_str());
      return error;
    }
    done += static_cast<std::size_t>(count);
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) return share_file_error(file, "replace");
  return std::nullopt;
}

}  // namespace

Time machine_time() {
  timespec now{};
  DRYDOCK_CHECK(::clock_gettime(CLOCK_BOOTTIME, &now) == 0, "the machine has a clock");
  return time_at(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

Result<std::optional<LedgerReply>> take_file_turn(const fs::path& file, const ShareTerms& terms,
                                                  const LedgerOperation& operation) {
  const fs::path lock_file = file.string() + ".lock";
  const LockedDescriptor lock(::open(lock_file.c_str(), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kShareFileMode));
  if (lock.get() < 0) return share_file_error(lock_file, "open");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK || errno == EINTR) return std::optional<LedgerReply>{};
    return share_file_error(lock_file, "lock");
  }
  const auto content = read_content(file);
  if (!content) return content.error();
  const auto turn = take_turn(terms.limits, *terms.policy, content.value().state, machine_time(),
                              store_identity(content.value().store), operation);
  if (!turn) {
    return Error{fmt::format("the state of shares: {} cannot be read ({}): remove it", file.string(), turn.error().message)};
  }
  if (turn.value().state) {
    if (const auto wrong = write_content(file, content.value().store, *turn.value().state)) return *wrong;
  }
  return std::optional(turn.value().reply);
}

FileShareStore::FileShareStore(EventLoop& loop, fs::path file, ShareTerms terms, Duration lock_time)
    : loop_(loop), file_(std::move(file)), terms_(terms), lock_time_(lock_time), timer_(loop, [this] { try_now(); }) {}

void FileShareStore::ask(const LedgerOperation& operation, Callback callback) {
  asked_.push_back({operation, std::move(callback), later(loop_.now(), lock_time_)});
  timer_.start_soon();
}

void FileShareStore::try_now() {
  if (asked_.empty()) return;
  const auto turn = take_file_turn(file_, terms_, asked_.front().operation);
  if (!turn) return answer(Answer::failed, ReportPublished{}, turn.error().message);
  if (turn.value()) return answer(Answer::done, *turn.value(), {});
  if (loop_.now() < asked_.front().give_up_at) return timer_.start(later(loop_.now(), kLookForLockAgain));
  answer(Answer::failed, ReportPublished{},
         fmt::format("the state of shares: another process holds the lock of {}.lock since {:.3g} s", file_.string(),
                     seconds(lock_time_)));
}

void FileShareStore::answer(Answer answer, const LedgerReply& reply, std::string problem) {
  problem_ = std::move(problem);
  const Callback callback = std::move(asked_.front().callback);
  asked_.pop_front();
  if (!asked_.empty()) timer_.start_soon();
  callback(answer, reply);
}

}  // namespace drydock::runtime
