#include "policies/core/share_ledger.hpp"

#include "policies/core/assert.hpp"

#include <algorithm>
#include <tuple>

namespace drydock {

namespace {

auto key(const ShareHolder& holder) { return std::pair(holder.worker, holder.incarnation); }

}  // namespace

LedgerReply ShareLedger::apply(Time now, StoreIdentity store, const LedgerOperation& operation) {
  state_.latest = std::max(state_.latest, now);
  note_store(store);
  forget_lapsed();
  return std::visit([this](const auto& o) { return on(o); }, operation);
}

const LeasedShares& ShareLedger::leased() const {
  const auto* rules = std::get_if<LeasedShares>(&policy_->rules().protocol);
  DRYDOCK_CHECK(rules != nullptr, "grants are for policies that lease shares");
  return *rules;
}

// What another store, or none, has granted is over one lease after the first operation that finds it gone.
void ShareLedger::note_store(StoreIdentity store) {
  if (state_.store == store) return;
  state_.store = store;
  state_.holders.clear();
  state_.published.clear();
  if (const auto* rules = std::get_if<LeasedShares>(&policy_->rules().protocol)) {
    state_.closed_until = later(state_.latest, rules->lease + rules->settle);
  }
}

void ShareLedger::forget_lapsed() {
  std::erase_if(state_.holders, [&](const ShareHolder& holder) { return holder.until <= state_.latest; });
  const auto* rules = std::get_if<AnnouncedShares>(&policy_->rules().protocol);
  if (rules == nullptr) return;
  std::erase_if(state_.published, [&](const auto& entry) { return later(entry.at, rules->silence) <= state_.latest; });
}

LedgerReply ShareLedger::on(const PublishReport& operation) {
  auto& all = state_.published;
  const auto place =
      std::ranges::lower_bound(all, operation.report.worker, {}, [](const auto& e) { return e.report.worker; });
  if (place != all.end() && place->report.worker == operation.report.worker) {
    *place = {operation.report, state_.latest};
  } else {
    all.insert(place, {operation.report, state_.latest});
  }
  return ReportPublished{};
}

LedgerReply ShareLedger::on(const ReadReports& /*operation*/) {
  ReportsRead read;
  for (const auto& entry : state_.published) read.reports.push_back(entry.report);
  return read;
}

// Shrink before grow: a holder's books go down only to what it says it still uses, and up only into what nobody else holds.
LedgerReply ShareLedger::on(const RenewGrant& operation) {
  if (superseded(operation)) return GrantReply{.verdict = GrantVerdict::refused_stale};
  const bool repeated = [&] {
    const ShareHolder* known = find_holder(operation.report.worker, operation.incarnation);
    return known != nullptr && known->number == operation.number;
  }();
  const bool closed = state_.latest < state_.closed_until;
  if (closed && leased().after_loss == AfterLoss::refuse) return GrantReply{.verdict = GrantVerdict::refused_loss};

  ShareHolder& holder = enter(operation);
  GrantReply reply{.lease = leased().lease, .known = latest_reports()};
  reply.target = target_of(holder, reply.known);
  if (!repeated) {
    const Share room = room_for(holder);
    // Of what it says it holds, only that counts which was not given to others since.
    const Share kept = least(most(operation.holding, Share{}), closed ? room : holder.held);
    holder.granted = closed ? kept : least(reply.target, room);
    holder.held = most(kept, holder.granted);
    holder.until = later(state_.latest, leased().lease + leased().settle);
  }
  reply.amount = holder.granted;
  return reply;
}

ShareHolder* ShareLedger::find_holder(WorkerId worker, std::uint32_t incarnation) {
  const auto place = std::ranges::lower_bound(state_.holders, std::pair(worker, incarnation), {}, key);
  const bool found = place != state_.holders.end() && key(*place) == std::pair(worker, incarnation);
  return found ? &*place : nullptr;
}

bool ShareLedger::superseded(const RenewGrant& operation) const {
  return std::ranges::any_of(state_.holders, [&](const ShareHolder& holder) {
    return holder.worker == operation.report.worker &&
           std::tie(operation.incarnation, operation.number) < std::tie(holder.incarnation, holder.number);
  });
}

ShareHolder& ShareLedger::enter(const RenewGrant& operation) {
  ShareHolder* holder = find_holder(operation.report.worker, operation.incarnation);
  if (holder == nullptr) {
    const auto place =
        std::ranges::upper_bound(state_.holders, std::pair(operation.report.worker, operation.incarnation), {}, key);
    holder = &*state_.holders.insert(place, {.worker = operation.report.worker, .incarnation = operation.incarnation});
  }
  holder->number = operation.number;
  holder->report = operation.report;
  return *holder;
}

std::vector<WorkerReport> ShareLedger::latest_reports() const {
  std::vector<WorkerReport> reports;
  for (const ShareHolder& holder : state_.holders) {
    if (!reports.empty() && reports.back().worker == holder.worker) reports.pop_back();
    reports.push_back(holder.report);
  }
  return reports;
}

Share ShareLedger::target_of(const ShareHolder& holder, std::span<const WorkerReport> reports) const {
  std::vector<Share> targets(reports.size());
  policy_->divide(limits_, reports, targets);
  const auto place = std::ranges::lower_bound(reports, holder.worker, {}, &WorkerReport::worker);
  return targets[static_cast<std::size_t>(place - reports.begin())];
}

Share ShareLedger::room_for(const ShareHolder& holder) const {
  Share room = limits_.total;
  for (const ShareHolder& other : state_.holders) {
    if (&other != &holder) room = room - other.held;
  }
  return most(room, Share{});
}

void ShareLedger::check() const {
  Share held;
  for (std::size_t i = 0; i < state_.holders.size(); ++i) {
    const ShareHolder& holder = state_.holders[i];
    DRYDOCK_CHECK(i == 0 || key(state_.holders[i - 1]) < key(holder), "holders are in order, each once");
    DRYDOCK_CHECK(fits(Share{}, holder.granted) && fits(holder.granted, holder.held), "what is granted is held");
    held = held + holder.held;
  }
  DRYDOCK_CHECK(fits(held, limits_.total), "more is held than there is");
}

}  // namespace drydock
