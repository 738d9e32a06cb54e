#include "real-runtime/chaos/trouble_line.hpp"

#include "real-runtime/chaos/unix_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace drydock::runtime::chaos {
namespace {

constexpr const char* kTroubleSocket = "faults.sock";

// Appends what is there; false: the other side is gone.
bool read_more(int descriptor, std::string& text) {
  std::array<char, 65536> buffer{};
  const ssize_t length = ::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length > 0) text.append(buffer.data(), static_cast<std::size_t>(length));
  return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

// The next whole line; nothing: there is none.
std::optional<std::string> take_line(std::string& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

}  // namespace

// --- the side that tells ---

Result<std::unique_ptr<TroubleTeller>> TroubleTeller::start(EventLoop& loop) {
  std::unique_ptr<TroubleTeller> teller(new TroubleTeller(loop));
  if (const auto wrong = teller->folder_.make({.prefix = "drydock-faults-", .parent = {}, .socket = kTroubleSocket})) {
    return *wrong;
  }
  const auto listens = listen_on(teller->socket());
  if (!listens) return listens.error();
  teller->descriptor_ = listens.value();
  teller->listening_ = std::make_unique<EventLoop::Socket>(loop, teller->descriptor_,
                                                           [at = teller.get()](EventLoop::Socket::Ready) { at->accept(); });
  teller->listening_->wait_for({.to_read = true, .to_write = false});
  return teller;
}

TroubleTeller::~TroubleTeller() {
  for (Listener& listener : listeners_) close(listener);
  listening_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::filesystem::path TroubleTeller::socket() const { return folder_.path() / kTroubleSocket; }

void TroubleTeller::accept() {
  listeners_.remove_if([](const Listener& listener) { return listener.descriptor < 0; });
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) return;
  Listener& listener = listeners_.emplace_back();
  listener.descriptor = descriptor;
  listener.socket = std::make_unique<EventLoop::Socket>(loop_, descriptor,
                                                        [this, &listener](EventLoop::Socket::Ready) { hear(listener); });
  listener.socket->wait_for({.to_read = true, .to_write = false});
}

// It says its number, and no more.
void TroubleTeller::hear(Listener& listener) {
  if (!read_more(listener.descriptor, listener.said)) return close(listener);
  const auto line = take_line(listener.said);
  if (!line || listener.worker) return;
  listener.worker = WorkerId{static_cast<std::uint32_t>(std::strtoul(line->c_str(), nullptr, 10))};
  const auto present = lines_.find(*listener.worker);
  if (present != lines_.end()) send(listener, present->second);
}

void TroubleTeller::tell(WorkerId worker, const WorkerTrouble& trouble) {
  std::string& line = lines_[worker] = to_json(trouble) + "\n";
  for (Listener& listener : listeners_) {
    if (listener.descriptor >= 0 && listener.worker == worker) send(listener, line);
  }
}

// Whoever stands still for so long that its buffer is full is told no more, and hears of it.
void TroubleTeller::send(Listener& listener, const std::string& line) {
  const ssize_t sent = ::send(listener.descriptor, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(line.size())) close(listener);
}

void TroubleTeller::close(Listener& listener) {
  listener.socket.reset();
  if (listener.descriptor >= 0) ::close(listener.descriptor);
  listener.descriptor = -1;
}

// --- the side that hears ---

Result<std::unique_ptr<TroubleListener>> TroubleListener::connect(EventLoop& loop, const std::filesystem::path& socket,
                                                                  WorkerId worker, std::function<void(WorkerTrouble)> told) {
  std::unique_ptr<TroubleListener> listener(new TroubleListener(std::move(told)));
  const auto connected = connect_to(socket);
  if (!connected) return connected.error();
  listener->descriptor_ = connected.value();
  const std::string line = fmt::format("{}\n", worker.value);
  if (::send(listener->descriptor_, line.data(), line.size(), MSG_NOSIGNAL) < 0) {
    return Error{fmt::format("cannot write to {}: {}", socket.string(), std::strerror(errno))};
  }
  listener->socket_ = std::make_unique<EventLoop::Socket>(loop, listener->descriptor_,
                                                          [at = listener.get()](EventLoop::Socket::Ready) { at->hear(); });
  listener->socket_->wait_for({.to_read = true, .to_write = false});
  return listener;
}

TroubleListener::~TroubleListener() {
  socket_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

void TroubleListener::hear() {
  if (!read_more(descriptor_, heard_)) return socket_.reset();
  while (const auto line = take_line(heard_)) {
    if (auto trouble = parse_trouble(*line)) told_(std::move(trouble).value());
  }
}

}  // namespace drydock::runtime::chaos
