#include "real-runtime/redis_client.hpp"

#include "policies/core/assert.hpp"
#include "policies/ports/redis_keys.hpp"
#include "real-runtime/redis_decode.hpp"

#include <csignal>
#include <ctime>
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>
#include <variant>

namespace drydock::runtime {

namespace {

using namespace redis;

timeval to_timeval(Duration d) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return {.tv_sec = nanos(d) / kNsPerSecond, .tv_usec = nanos(d) % kNsPerSecond / 1000};
}

// hiredis writes with write(): a server that is gone would end this process by SIGPIPE. Keeps this thread's out while it lives.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once{};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &at_once) > 0) {}
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// The command of a fault; empty where there is none.
struct AdminCommand {
  std::string_view prefix;
  std::vector<std::string> operator()(const Flush& /*op*/) const { return {"FLUSHALL"}; }
  std::vector<std::string> operator()(const EvictKey& op) const { return {"DEL", joined(prefix, op.key)}; }
  std::vector<std::string> operator()(const Snapshot& /*op*/) const { return {"SAVE"}; }
  std::vector<std::string> operator()(const Restart& /*op*/) const { return {}; }
  std::vector<std::string> operator()(const LimitMemory& op) const {
    return {"CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", std::to_string(op.bytes)};
  }
};

}  // namespace

std::vector<std::vector<std::string>> greetings(const RedisAddress& address) {
  std::vector<std::vector<std::string>> commands;
  if (!address.password.empty() || !address.user.empty()) {
    commands.push_back({"AUTH", address.user.empty() ? "default" : address.user, address.password});
  }
  if (address.database != 0) commands.push_back({"SELECT", std::to_string(address.database)});
  return commands;
}

void RedisClient::FreeContext::operator()(redisContext* context) const { redisFree(context); }
void RedisClient::FreeReply::operator()(redisReply* reply) const { freeReplyObject(reply); }

RedisClient::RedisClient(RedisClientOptions options) : options_(std::move(options)) {}
RedisClient::~RedisClient() = default;

Result<std::unique_ptr<RedisClient>> RedisClient::connect(RedisClientOptions options) {
  std::unique_ptr<RedisClient> client(new RedisClient(std::move(options)));
  const auto connected = client->reconnect();
  if (!connected.ok()) return connected.error();
  return client;
}

std::string in_words(const RedisAddress& address) {
  if (!address.unix_socket.empty()) return fmt::format("Redis at {}", address.unix_socket);
  return fmt::format("Redis at {}:{}", address.host, address.port);
}

std::string RedisClient::where() const { return in_words(options_.address); }

Result<Done> RedisClient::reconnect() {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before reconnecting");
  timed_out_ = false;
  const RedisAddress& address = options_.address;
  const timeval timeout = to_timeval(options_.connect_timeout);
  context_.reset(address.unix_socket.empty() ? redisConnectWithTimeout(address.host.c_str(), address.port, timeout)
                                             : redisConnectUnixWithTimeout(address.unix_socket.c_str(), timeout));
  if (context_ == nullptr) return Error{where() + ": no memory for a connection"};
  if (context_->err != 0) {
    broken_because_ = fmt::format("{} cannot be reached: {}", where(), context_->errstr);
    context_.reset();
    return Error{broken_because_};
  }
  redisSetTimeout(context_.get(), timeout);
  auto loaded = greet();
  if (loaded.ok()) loaded = load_scripts();
  if (loaded.ok()) redisSetTimeout(context_.get(), to_timeval(options_.reply_timeout));
  return loaded;
}

bool RedisClient::still_connected() {
  char byte = 0;
  if (connected() && ::recv(context_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
    broken_because_ = fmt::format("{}: the server ended the connection", where());
    context_.reset();
  }
  return connected();
}

Result<Done> RedisClient::greet() {
  for (const std::vector<std::string>& words : greetings(options_.address)) {
    append({std::nullopt, words});
    const ReplyPointer reply = next_reply();
    if (reply == nullptr) return Error{broken_because_};
    if (reply->type != REDIS_REPLY_ERROR) continue;
    broken_because_ =
        fmt::format("{} does not let {} in: {}", where(), options_.address.user.empty() ? "us" : options_.address.user,
                    std::string_view(reply->str, static_cast<std::size_t>(reply->len)));
    context_.reset();
    return Error{broken_because_};
  }
  return Done{};
}

Result<Done> RedisClient::load_scripts() {
  for (std::size_t i = 0; i < kRedisScripts; ++i) {
    append({std::nullopt, {"SCRIPT", "LOAD", text_of(static_cast<RedisScript>(i))}});
  }
  std::string refusal;
  for (std::string& sha : shas_) {
    const ReplyPointer reply = next_reply();
    if (reply == nullptr) return Error{broken_because_};
    if (reply->type == REDIS_REPLY_STRING) {
      sha.assign(reply->str, static_cast<std::size_t>(reply->len));
    } else if (refusal.empty()) {
      refusal = reply->type == REDIS_REPLY_ERROR ? std::string(reply->str, static_cast<std::size_t>(reply->len)) : "no SHA";
    }
  }
  if (refusal.empty()) return Done{};
  broken_because_ = fmt::format("{} does not load scripts: {}", where(), refusal);
  context_.reset();
  return Error{broken_because_};
}

void RedisClient::append(const RedisCommand& command) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  const auto add = [&](const std::string& text) {
    texts.push_back(text.data());
    lengths.push_back(text.size());
  };
  static const std::string kEvalSha = "EVALSHA";
  if (command.script) {
    add(kEvalSha);
    add(shas_[static_cast<std::size_t>(*command.script)]);
  }
  for (const std::string& argument : command.arguments) add(argument);
  const int appended = redisAppendCommandArgv(context_.get(), static_cast<int>(texts.size()), texts.data(), lengths.data());
  DRYDOCK_CHECK(appended == REDIS_OK, "no memory to send to Redis");
}

RedisClient::ReplyPointer RedisClient::next_reply() {
  const WithoutSigpipe guard;
  void* reply = nullptr;
  if (context_ != nullptr && redisGetReply(context_.get(), &reply) == REDIS_OK) {
    return ReplyPointer(static_cast<redisReply*>(reply));
  }
  if (context_ != nullptr) {
    // After a timeout the answer may still come: only a new connection tells later answers from it.
    timed_out_ = context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    broken_because_ = timed_out_ ? fmt::format("{} did not answer within {:g} s", where(), seconds(options_.reply_timeout))
                                 : fmt::format("{}: the connection broke: {}", where(), context_->errstr);
    context_.reset();
  }
  return nullptr;
}

void RedisClient::submit(const Op& op) {
  DRYDOCK_CHECK(batch_.size() < kMostInBatch, "a batch for Redis has at most kMostInBatch operations");
  check_op(op);
  batch_.push_back(op);
}

std::vector<Reply> RedisClient::collect() {
  const std::vector<Op> batch = std::exchange(batch_, {});
  std::vector<Reply> replies;
  replies.reserve(batch.size());
  if (!connected()) {
    replies.assign(batch.size(), Failed{Failed::Reason::unreachable, broken_because_});
    return replies;
  }
  for (const Op& op : batch) append(encode(op, options_.key_prefix));
  std::vector<std::size_t> unknown_scripts;
  for (const Op& op : batch) {
    const ReplyPointer reply = next_reply();
    if (reply == nullptr) {
      replies.emplace_back(Failed{Failed::Reason::unknown, broken_because_});
      continue;
    }
    if (is_noscript(*reply)) unknown_scripts.push_back(replies.size());
    replies.push_back(decode(op, *reply));
  }
  if (unknown_scripts.empty() || !connected()) return replies;
  // They did nothing yet.
  if (!load_scripts().ok()) return replies;
  for (const std::size_t place : unknown_scripts) append(encode(batch[place], options_.key_prefix));
  for (const std::size_t place : unknown_scripts) {
    const ReplyPointer reply = next_reply();
    replies[place] =
        reply == nullptr ? Reply(Failed{Failed::Reason::unknown, broken_because_}) : decode(batch[place], *reply);
  }
  return replies;
}

Reply RedisClient::execute(const Op& op) {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before a single operation");
  submit(op);
  return collect().front();
}

Result<Done> RedisClient::execute(const AdminOp& op) {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before a fault");
  const std::vector<std::string> arguments = std::visit(AdminCommand{options_.key_prefix}, op);
  if (arguments.empty()) return Error{to_text(op) + " is done by the owner of the server's process, not by a client"};
  if (!connected()) return Error{broken_because_};
  append({std::nullopt, arguments});
  const ReplyPointer reply = next_reply();
  if (reply == nullptr) return Error{broken_because_};
  if (reply->type != REDIS_REPLY_ERROR) return Done{};
  return Error{fmt::format("{} refused {}: {}", where(), to_text(op),
                           std::string_view(reply->str, static_cast<std::size_t>(reply->len)))};
}

Result<std::vector<std::string>> RedisClient::run(const std::vector<std::string>& words) {
  DRYDOCK_CHECK(batch_.empty(), "collect() the batch before a command");
  if (!connected()) return Error{broken_because_};
  append({std::nullopt, words});
  const ReplyPointer reply = next_reply();
  if (reply == nullptr) return Error{broken_because_};
  auto texts = texts_of(*reply);
  if (!texts) return Error{fmt::format("{} refused {}: {}", where(), words.front(), texts.error().message)};
  return texts;
}

}  // namespace drydock::runtime
