// Two plans of one moment, job by job: what is counted, and what is told.
#include "policies/core/shadow.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace drydock {

namespace {

using Kind = PlanAct::Kind;

std::string named_workers(std::span<const Placement> placements) {
  constexpr std::size_t kMostNamed = 8;
  std::string text = placements.size() == 1 ? "worker " : "workers ";
  for (std::size_t i = 0; i < std::min(placements.size(), kMostNamed); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", placements[i].worker.value);
    if (placements[i].tasks > 1) text += fmt::format(" ({} tasks)", placements[i].tasks);
  }
  if (placements.size() > kMostNamed) text += fmt::format(" and {} more", placements.size() - kMostNamed);
  return text;
}

template <class Outcome>
std::string in_words(const Outcome& outcome) {
  switch (outcome.kind) {
    case Kind::start: return "starts on " + named_workers(outcome.placements);
    case Kind::bind: return fmt::format("binds it to worker {}", outcome.worker.value);
    case Kind::stop: return "stops it";
  }
  return {};
}

std::string without(Kind kind) { return kind == Kind::stop ? "lets it run" : "leaves it waiting"; }

}  // namespace

// Both by job. Whether they are the same.
bool Shadow::compare(Time now, const std::vector<Outcome>& real, const std::vector<Outcome>& own) {
  bool same = true;
  auto r = real.begin();
  auto o = own.begin();
  while (r != real.end() || o != own.end()) {
    if (o == own.end() || (r != real.end() && r->id < o->id)) {
      count_real_only(now, *r++);
      same = false;
    } else if (r == real.end() || o->id < r->id) {
      count_shadow_only(now, *o++);
      same = false;
    } else {
      same = count_pair(now, *r++, *o++) && same;
    }
  }
  return same;
}

bool Shadow::count_pair(Time now, const Outcome& real, const Outcome& own) {
  count_later(now, real);
  const bool alike = real.kind == own.kind && real.worker == own.worker && real.placements == own.placements;
  ShadowTally& tally = tally_of(real.kind);
  ++(alike ? tally.same : tally.elsewhere);
  if (!alike) note(now, real.id, in_words(real), in_words(own));
  return alike;
}

void Shadow::count_real_only(Time now, const Outcome& real) {
  count_later(now, real);
  ++tally_of(real.kind).real_only;
  note(now, real.id, in_words(real), without(real.kind));
}

void Shadow::count_shadow_only(Time now, const Outcome& own) {
  Wish& wish = wish_of(own.job);
  if (!wish.is_of(own)) wish = {.id = own.id, .attempt = own.attempt};
  if (wish.of(own.kind) != kNever) return;
  wish.of(own.kind) = now;
  ++tally_of(own.kind).shadow_only;
  note(now, own.id, without(own.kind), in_words(own));
}

void Shadow::count_later(Time now, const Outcome& real) {
  Wish& wish = wish_of(real.job);
  if (wish.is_of(real) && real.kind == Kind::start && wish.of(Kind::start) != kNever) {
    ++report_.later;
    report_.later_by += now - wish.of(Kind::start);
  }
  if (real.kind != Kind::bind) wish = {};  // what is bound waits all the same
}

Shadow::Wish& Shadow::wish_of(JobRef ref) {
  if (wishes_.size() <= ref.value) wishes_.resize(ref.value + std::size_t{1});
  return wishes_[ref.value];
}

ShadowTally& Shadow::tally_of(Kind kind) {
  switch (kind) {
    case Kind::start: return report_.starts;
    case Kind::bind: return report_.binds;
    case Kind::stop: break;
  }
  return report_.stops;
}

void Shadow::note(Time now, JobId job, std::string real, std::string shadow) {
  report_.add({.at = now, .job = job, .real = std::move(real), .shadow = std::move(shadow)});
}

}  // namespace drydock
