#include "policies/core/share_division.hpp"

#include "policies/core/wide.hpp"

#include <cmath>
#include <functional>
#include <numeric>

namespace drydock {

void split(std::int64_t total, std::span<const std::int64_t> weights, std::span<std::int64_t> parts) {
  DRYDOCK_CHECK(parts.size() == weights.size(), "one part per weight");
  const std::int64_t sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  DRYDOCK_CHECK(total == 0 || sum > 0, "somebody must have a weight");
  std::vector<std::int64_t> remainders(weights.size(), 0);
  std::int64_t left = total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const WideQuotient quota = sum == 0 ? WideQuotient{} : multiply_divide(total, weights[i], sum);
    parts[i] = quota.quotient;
    remainders[i] = quota.remainder;
    left -= quota.quotient;
  }
  if (left == 0) return;
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return remainders[i]; });
  for (std::size_t i = 0; left > 0; ++i, --left) ++parts[order[i]];
}

std::vector<double> water_fill(double capacity, std::span<const double> demands, std::span<const double> weights) {
  DRYDOCK_CHECK(weights.empty() || weights.size() == demands.size(), "one weight per demand, or none");
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  std::vector<double> parts(demands.size(), 0);
  std::vector<std::size_t> order(demands.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return demands[i] / weight(i); });
  double weight_left = 0;
  for (std::size_t i = 0; i < demands.size(); ++i) weight_left += weight(i);
  double left = capacity;
  for (const std::size_t i : order) {  // those who want least per weight first: what they leave raises the level of the rest
    parts[i] = std::min(demands[i], left * weight(i) / weight_left);
    left = std::max(0.0, left - parts[i]);
    weight_left -= weight(i);
  }
  return parts;
}

void water_fill(std::int64_t capacity, std::span<const std::int64_t> demands, std::span<const std::int64_t> weights,
                std::span<std::int64_t> parts) {
  DRYDOCK_CHECK(demands.size() == weights.size() && demands.size() == parts.size(), "one weight and one part per demand");
  std::vector<std::int64_t> hungry(weights.begin(), weights.end());  // weights of those not satisfied yet, else 0
  std::int64_t left = capacity;
  std::int64_t weight_left = std::accumulate(hungry.begin(), hungry.end(), std::int64_t{0});
  std::ranges::fill(parts, 0);
  for (bool changed = true; changed && weight_left > 0;) {
    changed = false;
    const Wide level = left;  // per weight_left; it only rises from round to round
    const Wide per = weight_left;
    for (std::size_t i = 0; i < demands.size(); ++i) {
      if (hungry[i] == 0 || demands[i] * per > level * hungry[i]) continue;
      parts[i] = demands[i];
      left -= demands[i];
      weight_left -= hungry[i];
      hungry[i] = 0;
      changed = true;
    }
  }
  if (weight_left == 0) return;
  // Each of the rest wants more than its quota, thus at least the whole number above it.
  std::vector<std::int64_t> rest(demands.size(), 0);
  split(left, hungry, rest);
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] += rest[i];
}

namespace {

// What a DrfUser's dominant share is made of: per_task / capacity of the resource of which a task needs the largest part.
struct Dominant {
  std::int64_t per_task = 0;  // 0: its tasks cost nothing
  std::int64_t capacity = 1;
};

Dominant dominant_of(std::span<const std::int64_t> capacity, const DrfUser& user) {
  Dominant best;
  for (std::size_t r = 0; r < capacity.size(); ++r) {
    if (user.per_task[r] == 0 || capacity[r] == 0) continue;
    if (Wide{user.per_task[r]} * best.capacity > Wide{best.per_task} * capacity[r]) best = {user.per_task[r], capacity[r]};
  }
  return best;
}

class ProgressiveFilling {
 public:
  ProgressiveFilling(std::span<const std::int64_t> capacity, std::span<const DrfUser> users)
      : capacity_(capacity), users_(users), tasks_(users.size(), 0), open_(users.size(), true) {
    for (std::size_t i = 0; i < users.size(); ++i) {
      DRYDOCK_CHECK(users[i].per_task.size() == capacity.size(), "a demand for each resource");
      dominant_.push_back(dominant_of(capacity, users[i]));
      if (dominant_[i].per_task == 0) {
        open_[i] = false;  // nothing of what there is: all its tasks, or none if it needs what is not there
        tasks_[i] =
            std::ranges::all_of(users[i].per_task, [](std::int64_t need) { return need == 0; }) ? users[i].most_tasks : 0;
      }
    }
  }

  std::vector<std::int64_t> fill() {
    while (std::ranges::find(open_, true) != open_.end()) {
      leap();
      // Then task by task until somebody is out.
      for (bool somebody_out = false; !somebody_out;) {
        const std::size_t next = poorest();
        ++tasks_[next];
        somebody_out = tasks_[next] > users_[next].most_tasks || !fits(tasks_);
        if (!somebody_out) continue;
        --tasks_[next];
        open_[next] = false;
      }
    }
    return tasks_;
  }

 private:
  [[nodiscard]] bool fits(std::span<const std::int64_t> tasks) const {
    for (std::size_t r = 0; r < capacity_.size(); ++r) {
      Wide used = 0;
      for (std::size_t i = 0; i < users_.size(); ++i) used += Wide{tasks[i]} * users_[i].per_task[r];
      if (used > capacity_[r]) return false;
    }
    return true;
  }

  // The share of i with its tasks is below that of j. Tasks x per_task fit into kNoLimit, so the products fit into Wide.
  [[nodiscard]] bool poorer(std::size_t i, std::size_t j) const {
    const Wide of_i = Wide{tasks_[i] * dominant_[i].per_task} * dominant_[j].capacity * users_[j].weight;
    const Wide of_j = Wide{tasks_[j] * dominant_[j].per_task} * dominant_[i].capacity * users_[i].weight;
    return of_i < of_j;
  }

  [[nodiscard]] std::size_t poorest() const {
    std::size_t best = users_.size();
    for (std::size_t i = 0; i < users_.size(); ++i) {
      if (open_[i] && (best == users_.size() || poorer(i, best))) best = i;
    }
    return best;
  }

  // How many tasks of user i have a share before them that is below `level`: one more than fit under it. Rounding errors are
  // on the side that `factor` says: a little above 1 for not too few, a little below for not too many.
  [[nodiscard]] double tasks_below(double level, std::size_t i, double factor) const {
    const Dominant& d = dominant_[i];
    const double one =
        static_cast<double>(d.per_task) / static_cast<double>(d.capacity) / static_cast<double>(users_[i].weight);
    return std::floor(level / one * factor);
  }

  // All tasks that filling tries before the poorest share is at `level` are possible.
  [[nodiscard]] bool reaches(double level) const {
    std::vector<std::int64_t> tasks = tasks_;
    for (std::size_t i = 0; i < users_.size(); ++i) {
      if (!open_[i]) continue;
      const double tried = tasks_below(level, i, 1 + kRounding) + 1;
      if (tried > static_cast<double>(users_[i].most_tasks)) return false;
      tasks[i] = std::max(tasks[i], static_cast<std::int64_t>(tried));
    }
    return fits(tasks);
  }

  // Takes the many tasks at once that would be taken one by one before anybody is out.
  void leap() {
    double low = 0;
    double high = 1;  // a dominant share of everything
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (reaches(middle) ? low : high) = middle;
    }
    if (!reaches(low)) return;
    for (std::size_t i = 0; i < users_.size(); ++i) {
      if (open_[i]) tasks_[i] = std::max(tasks_[i], static_cast<std::int64_t>(tasks_below(low, i, 1 - kRounding)));
    }
  }

  static constexpr double kRounding = 1e-9;

  std::span<const std::int64_t> capacity_;
  std::span<const DrfUser> users_;
  std::vector<Dominant> dominant_;
  std::vector<std::int64_t> tasks_;
  std::vector<bool> open_;  // may get more
};

}  // namespace

std::vector<std::int64_t> drf_tasks(std::span<const std::int64_t> capacity, std::span<const DrfUser> users) {
  return ProgressiveFilling(capacity, users).fill();
}

namespace {

// Fills the targets of those who are not active; returns the indices of those who are, and what they have to divide.
struct Division {
  std::vector<std::size_t> active;
  Share capacity;
};
Division serve_idle(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds, IdleCosts costs,
                    std::span<Share> targets) {
  DRYDOCK_CHECK(targets.size() == workers.size(), "one target per worker");
  Division division{{}, limits.total};
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (workers[i].active) division.active.push_back(i);
  }
  const bool nobody = division.active.empty();
  const Share each = nobody || holds == IdleHolds::base ? limits.base : Share{};
  for (const auto part : kShareParts) {
    const auto idle = static_cast<std::int64_t>(workers.size() - division.active.size());
    // More idle workers than the total has base shares for: they share what there is, but leave half to the active.
    const std::int64_t room = nobody ? limits.total.*part : limits.total.*part / 2;
    const bool crowded = costs == IdleCosts::its_share && idle > 0 && each.*part > room / idle;
    const std::int64_t given = crowded ? room / idle : each.*part;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      if (!workers[i].active) targets[i].*part = given;
    }
    if (costs == IdleCosts::its_share) division.capacity.*part -= given * idle;
  }
  return division;
}

std::vector<std::int64_t> weights_of(std::span<const WorkerReport> workers, const Division& division) {
  std::vector<std::int64_t> weights;
  for (const std::size_t i : division.active) {
    weights.push_back(std::clamp<std::int64_t>(workers[i].weight, 1, kLargestWeight));
  }
  return weights;
}

// Adds to the active ones' targets what is left of the capacity, by weight.
void give_rest(const Division& division, std::span<const std::int64_t> weights, std::span<Share> targets) {
  std::vector<std::int64_t> parts(division.active.size());
  for (const auto part : kShareParts) {
    std::int64_t left = division.capacity.*part;
    for (const std::size_t i : division.active) left -= targets[i].*part;
    split(left, weights, parts);
    for (std::size_t k = 0; k < parts.size(); ++k) targets[division.active[k]].*part += parts[k];
  }
}

}  // namespace

void divide_equally(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds, IdleCosts costs,
                    std::span<Share> targets) {
  const Division division = serve_idle(limits, workers, holds, costs, targets);
  if (division.active.empty()) return;
  for (const std::size_t i : division.active) targets[i] = Share{};
  give_rest(division, std::vector<std::int64_t>(division.active.size(), 1), targets);
}

void divide_max_min(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds,
                    std::span<Share> targets) {
  const Division division = serve_idle(limits, workers, holds, IdleCosts::its_share, targets);
  if (division.active.empty()) return;
  const std::vector<std::int64_t> weights = weights_of(workers, division);
  std::vector<std::int64_t> demands(division.active.size());
  std::vector<std::int64_t> parts(division.active.size());
  for (const auto part : kShareParts) {
    for (std::size_t k = 0; k < demands.size(); ++k) {
      demands[k] = std::clamp<std::int64_t>(workers[division.active[k]].load.*part, 0, kNoLimit);
    }
    water_fill(division.capacity.*part, demands, weights, parts);
    for (std::size_t k = 0; k < parts.size(); ++k) targets[division.active[k]].*part = parts[k];
  }
  give_rest(division, weights, targets);
}

void divide_drf(const ShareLimits& limits, std::span<const WorkerReport> workers, IdleHolds holds,
                std::span<Share> targets) {
  const Division division = serve_idle(limits, workers, holds, IdleCosts::its_share, targets);
  if (division.active.empty()) return;
  const std::vector<std::int64_t> weights = weights_of(workers, division);
  std::vector<DrfUser> users;
  for (std::size_t k = 0; k < division.active.size(); ++k) {
    const Share load = least(most(workers[division.active[k]].load, Share{}), Share{kNoLimit, kNoLimit, kNoLimit});
    const std::int64_t tasks = std::max<std::int64_t>(load.concurrency, 1);
    users.push_back({.per_task = {}, .weight = weights[k], .most_tasks = load.concurrency});
    for (const auto part : kShareParts) users.back().per_task.push_back((load.*part + tasks - 1) / tasks);
  }
  std::vector<std::int64_t> capacity;
  for (const auto part : kShareParts) capacity.push_back(division.capacity.*part);
  const std::vector<std::int64_t> tasks = drf_tasks(capacity, users);
  for (std::size_t k = 0; k < users.size(); ++k) {
    for (std::size_t r = 0; r < kShareParts.size(); ++r) {
      targets[division.active[k]].*kShareParts[r] = tasks[k] * users[k].per_task[r];
    }
  }
  give_rest(division, weights, targets);
}

Share aimd_raise(const Aimd& aimd, const Share& total, const Share& share, const Share& load) {
  Share raised = share;
  for (const auto part : kShareParts) {
    if (load.*part < share.*part) continue;
    const auto step = static_cast<std::int64_t>(std::llround(static_cast<double>(total.*part) * aimd.increase));
    raised.*part = std::min(total.*part, share.*part + std::max<std::int64_t>(step, 1));
  }
  return raised;
}

Share aimd_cut(const Aimd& aimd, const Share& share) {
  Share cut = share;
  for (const auto part : kShareParts) {
    const auto left = static_cast<std::int64_t>(static_cast<double>(share.*part) * aimd.decrease);
    cut.*part = std::min(share.*part, std::max<std::int64_t>(left, 1));
  }
  return cut;
}

}  // namespace drydock
