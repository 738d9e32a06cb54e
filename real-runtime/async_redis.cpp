#include "real-runtime/async_redis.hpp"

#include "policies/core/assert.hpp"
#include "policies/ports/redis_keys.hpp"
#include "real-runtime/redis_decode.hpp"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <utility>

namespace drydock::runtime {

using namespace redis;

void AsyncRedis::FreeContext::operator()(redisContext* context) const { redisFree(context); }

AsyncRedis::AsyncRedis(EventLoop& loop, RedisClientOptions options, std::function<void()> connected)
    : loop_(loop),
      options_(std::move(options)),
      connected_(std::move(connected)),
      reconnect_(loop, [this] { connect(); }),
      deadline_(loop, [this] { watch_time(); }),
      failing_(loop, [this] {
        for (const Callback& callback : std::exchange(failed_, {})) {
          callback(Failed{Failed::Reason::unreachable, problem_});
        }
      }) {
  problem_ = where() + " is not connected yet";
  reconnect_.start_soon();
}

AsyncRedis::~AsyncRedis() { socket_.reset(); }

std::string AsyncRedis::where() const { return in_words(options_.address); }

// --- connecting ---

void AsyncRedis::connect() {
  const RedisAddress& address = options_.address;
  context_.reset(address.unix_socket.empty() ? redisConnectNonBlock(address.host.c_str(), address.port)
                                             : redisConnectUnixNonBlock(address.unix_socket.c_str()));
  DRYDOCK_CHECK(context_ != nullptr, "no memory for a connection to Redis");
  if (context_->err != 0) return breaks(fmt::format("{} cannot be reached: {}", where(), context_->errstr));
  socket_ = std::make_unique<EventLoop::Socket>(loop_, context_->fd, [this](EventLoop::Socket::Ready r) { ready(r); });
  state_ = State::loading;
  greet();
  load_scripts();
}

void AsyncRedis::greet() {
  for (const std::vector<std::string>& words : greetings(options_.address)) {
    append({std::nullopt, words});
    send({.op = std::nullopt, .greeting = true, .deadline = later(loop_.now(), options_.connect_timeout)});
  }
}

void AsyncRedis::greeted(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ERROR) return;
  breaks(fmt::format("{} does not let {} in: {}", where(), options_.address.user.empty() ? "us" : options_.address.user,
                     std::string_view(reply.str, static_cast<std::size_t>(reply.len))));
}

void AsyncRedis::load_scripts() {
  loaded_ = 0;
  for (std::size_t script = 0; script < kRedisScripts; ++script) {
    append({std::nullopt, {"SCRIPT", "LOAD", text_of(static_cast<RedisScript>(script))}});
    send({.op = std::nullopt, .script = script, .deadline = later(loop_.now(), options_.connect_timeout)});
  }
}

void AsyncRedis::script_loaded(std::size_t script, const redisReply& reply) {
  if (reply.type != REDIS_REPLY_STRING) {
    const std::string_view why = reply.type == REDIS_REPLY_ERROR
                                     ? std::string_view(reply.str, static_cast<std::size_t>(reply.len))
                                     : std::string_view("no SHA");
    return breaks(fmt::format("{} does not load scripts: {}", where(), why));
  }
  shas_[script].assign(reply.str, static_cast<std::size_t>(reply.len));
  if (++loaded_ < kRedisScripts || state_ != State::loading) return;
  state_ = State::ready;
  problem_.clear();
  backoff_.succeeded();
  if (connected_) connected_();
}

void AsyncRedis::breaks(std::string why) {
  problem_ = std::move(why);
  state_ = State::disconnected;
  socket_.reset();
  context_.reset();
  deadline_.stop();
  reconnect_.start(later(loop_.now(), backoff_.after_failure()));
  const std::deque<Sent> lost = std::exchange(sent_, {});
  for (const Sent& sent : lost) {
    if (sent.callback) sent.callback(Failed{Failed::Reason::unknown, problem_});
    if (sent.texts) sent.texts(Error{problem_});
  }
}

// --- sending ---

void AsyncRedis::append(const RedisCommand& command) {
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

void AsyncRedis::send(Sent sent) {
  const bool first = sent_.empty();
  sent_.push_back(std::move(sent));
  if (first) deadline_.start(sent_.front().deadline);
  socket_->wait_for({.to_read = true, .to_write = true});
}

void AsyncRedis::fail_later(Callback callback) {
  failed_.push_back(std::move(callback));
  failing_.start_soon();
}

void AsyncRedis::submit(Op op, Callback callback) {
  check_op(op);
  if (state_ != State::ready) return fail_later(std::move(callback));
  append(encode(op, options_.key_prefix));
  send({.op = std::move(op), .callback = std::move(callback), .deadline = later(loop_.now(), options_.reply_timeout)});
}

void AsyncRedis::pop(const Pop& op, Duration longest, Callback callback) {
  if (state_ != State::ready) return fail_later(std::move(callback));
  const auto key = [&](const std::string& name) { return joined(options_.key_prefix, name); };
  append({std::nullopt,
          {"BLMOVE", key(queue_key(op.queue)), key(processing_key(op.queue, op.consumer)), "LEFT", "RIGHT",
           fmt::format("{:.3f}", seconds(longest))}});
  const Time deadline = later(loop_.now(), longest + options_.reply_timeout);
  send({.op = op, .callback = std::move(callback), .deadline = deadline, .wait = longest});
}

void AsyncRedis::run(const std::vector<std::string>& words, TextsCallback callback) {
  if (state_ != State::ready) {
    if (!callback) return;
    return fail_later([told = std::move(callback)](const Reply& reply) { told(Error{to_text(reply)}); });
  }
  append({std::nullopt, words});
  send({.op = std::nullopt,
        .other = true,
        .texts = std::move(callback),
        .deadline = later(loop_.now(), options_.reply_timeout)});
}

// --- the socket ---

void AsyncRedis::ready(EventLoop::Socket::Ready ready) {
  if (ready.to_write) write();
  if (ready.to_read && context_ != nullptr) read();
}

void AsyncRedis::write() {
  int done = 0;
  if (redisBufferWrite(context_.get(), &done) != REDIS_OK) {
    return breaks(fmt::format("{}: the connection broke: {}", where(), context_->errstr));
  }
  socket_->wait_for({.to_read = true, .to_write = done == 0});
}

void AsyncRedis::read() {
  if (redisBufferRead(context_.get()) != REDIS_OK) {
    return breaks(fmt::format("{}: the connection broke: {}", where(), context_->errstr));
  }
  while (context_ != nullptr) {
    void* raw = nullptr;
    if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) {
      return breaks(fmt::format("{}: not the protocol of Redis: {}", where(), context_->errstr));
    }
    if (raw == nullptr) break;
    const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(static_cast<redisReply*>(raw), &freeReplyObject);
    if (sent_.empty()) return breaks(fmt::format("{} answered what nobody asked", where()));
    Sent sent = std::move(sent_.front());
    sent_.pop_front();
    answer(std::move(sent), *reply);
  }
  if (context_ == nullptr) return;
  if (sent_.empty()) deadline_.stop();
  else deadline_.start(sent_.front().deadline);
}

void AsyncRedis::answer(Sent sent, const redisReply& reply) {
  if (sent.greeting) return greeted(reply);
  if (sent.other) {
    if (sent.texts) sent.texts(texts_of(reply));
    return;
  }
  if (!sent.op) return script_loaded(sent.script, reply);
  if (!is_noscript(reply)) return sent.callback(decode(*sent.op, reply));
  // It did nothing: the server has forgotten its scripts.
  load_scripts();
  append(encode(*sent.op, options_.key_prefix));
  send(std::move(sent));
}

// No answer for too long: only a new connection tells later answers from this one.
void AsyncRedis::watch_time() {
  if (sent_.empty()) return;
  if (sent_.front().deadline > loop_.now()) return deadline_.start(sent_.front().deadline);
  breaks(fmt::format("{} did not answer in time", where()));
}

}  // namespace drydock::runtime
