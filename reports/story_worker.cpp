#include "reports/story.hpp"
#include "reports/story_words.hpp"

#include <utility>

namespace drydock::reports {

void WorkerStory::step(Time now, std::span<const Event> events, std::span<const Command> commands) {
  now_ = now;
  reading_ = expired_now_ = declared_now_ = false;
  for (const Event& event : events) hear(event);
  for (const Command& command : commands) obey(command);
  if (expired_now_ && reading_ && !declared_now_) say("is suspected, not declared dead: the registry may have forgotten it");
}

void WorkerStory::hear(const Event& event) {
  if (std::holds_alternative<RegistryRead>(event)) reading_ = true;
  if (const auto* came = std::get_if<WorkerRegistered>(&event); came != nullptr && came->worker == worker_) {
    hear_registration(*came);
  }
  if (const auto* left = std::get_if<WorkerLeft>(&event); left != nullptr && left->worker == worker_) {
    say(fmt::format("leaves{}", lose_all()));
  }
  if (const auto* draining = std::get_if<WorkerDraining>(&event); draining != nullptr && draining->worker == worker_) {
    say("is about to leave: it gets nothing more");
  }
  if (const auto* expired = std::get_if<LeaseExpired>(&event); expired != nullptr && expired->worker == worker_) {
    expired_now_ = true;
    say(fmt::format("{}{}", expired->early ? "its key is gone before its time" : "its lease has expired",
                    reading_ ? "" : lose_all()));
  }
  if (const auto* held = std::get_if<AttemptHeld>(&event); held != nullptr && held->worker == worker_) {
    say(fmt::format("says that it runs attempt {}, for {}", say_attempt(held->attempt), say_span(held->age)));
    runs_.emplace(held->attempt, now_ - held->age);
  }
  if (const auto* end = std::get_if<AttemptFinished>(&event)) {
    const auto run = runs_.find(end->attempt);
    if (run == runs_.end()) return;
    say(fmt::format("attempt {} {} after {}", say_attempt(end->attempt),
                    end->ending == Ending::succeeded ? "succeeds" : "fails", say_span(now_ - run->second)));
    runs_.erase(run);
    ++finished_;
  }
  if (const auto* stopped = std::get_if<AttemptStopped>(&event); stopped != nullptr && runs_.erase(stopped->attempt) > 0) {
    say(fmt::format("attempt {} has stopped", say_attempt(stopped->attempt)));
  }
}

void WorkerStory::hear_registration(const WorkerRegistered& event) {
  const std::string pool = index(event.spec.pool) < config_.pools.size() ? config_.pools[index(event.spec.pool)].name : "?";
  if (event.incarnation == incarnation_) return say("its key is there again: it is not suspected any more");
  if (event.incarnation < incarnation_) return;
  const std::string held = incarnation_ == 0 ? "" : lose_all();
  say(fmt::format(
      "{} in pool {} with {}{}",
      incarnation_ == 0 ? "registers" : fmt::format("is there as another process, incarnation {},", event.incarnation), pool,
      say_resources(event.spec.capacity), held));
  incarnation_ = event.incarnation;
  ++processes_;
  live_ = true;
}

std::string WorkerStory::lose_all() {
  live_ = false;
  if (runs_.empty()) return "";
  std::string text;
  for (const auto& [attempt, since] : runs_) text += fmt::format("{} {}", text.empty() ? "" : ",", say_attempt(attempt));
  lost_ += runs_.size();
  const bool one = runs_.size() == 1;
  runs_.clear();
  return fmt::format("; what ran there is lost: attempt{}{}", one ? "" : "s", text);
}

void WorkerStory::obey(const Command& command) {
  if (const auto* dispatch = std::get_if<Dispatch>(&command); dispatch != nullptr && is_on(dispatch->placements, worker_)) {
    say(fmt::format("is sent attempt {}", say_attempt(dispatch->attempt)));
    runs_[dispatch->attempt] = now_;
  }
  if (const auto* stop = std::get_if<StopAttempt>(&command); stop != nullptr && runs_.contains(stop->attempt)) {
    say(fmt::format("is told to stop attempt {}: {}", say_attempt(stop->attempt), say_reason(stop->reason)));
  }
  const auto* dead = std::get_if<DeclareDead>(&command);
  if (dead == nullptr || dead->worker != worker_) return;
  declared_now_ = true;
  if (dead->incarnation == incarnation_) say(fmt::format("is declared dead{}", lose_all()));
}

std::string WorkerStory::summary() const {
  if (incarnation_ == 0) return fmt::format("worker {} is not in this journal", worker_.value);
  return fmt::format("worker {}: {} process{}, {} attempt{} ended there, {} lost; {}", worker_.value, processes_,
                     processes_ == 1 ? "" : "es", finished_, finished_ == 1 ? "" : "s", lost_,
                     live_ ? "it lives where the journal ends" : "it is not known to live where the journal ends");
}

}  // namespace drydock::reports
