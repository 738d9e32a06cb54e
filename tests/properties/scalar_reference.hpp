// Schedulers as in a textbook: one kind of place, whole numbers, vectors that are searched from end to end. They share no
// code with the policies that they judge.
#pragma once

#include <cstdint>
#include <vector>

namespace drydock::properties {

struct PlainJob {
  std::int64_t submit = 0;
  std::int64_t run = 1;
  std::int64_t estimate = 1;
  std::int64_t places = 1;
  std::int64_t priority = 0;  // higher goes first
};

enum class PlainOrder : std::uint8_t { submission, estimate, area, priority, wfp3 };

using Starts = std::vector<std::int64_t>;  // by job; of the last attempt

[[nodiscard]] Starts plain_list(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order);
[[nodiscard]] Starts plain_easy(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order);
[[nodiscard]] Starts plain_greedy(const std::vector<PlainJob>& jobs, std::int64_t places, PlainOrder order,
                                  PlainOrder backfill_order);

struct Reserved {
  Starts starts;
  Starts first_reservations;
};
// Reservations on a grid of time. When a job ends early all move forward, in order of submission; and again at the next
// event for as long as any moves.
[[nodiscard]] Reserved plain_conservative(const std::vector<PlainJob>& jobs, std::int64_t places);

// The jobs with the least remaining time run, each on one server.
[[nodiscard]] Starts plain_srpt(const std::vector<PlainJob>& jobs, std::int64_t servers);
// Each on one server: a job begins in level 0 and is in level n > 0 when it has run for quantum x 2^(n - 1). Lower levels first,
// then by submission; who waits takes the place of who runs in a higher level. `restart`: a stopped job begins again.
struct PlainLevels {
  std::int64_t quantum = 1;
  std::int64_t levels = 2;
  bool restart = false;
};
[[nodiscard]] Starts plain_las(const std::vector<PlainJob>& jobs, std::int64_t servers, const PlainLevels& rules);
// A head that does not fit stops running jobs of lower priority, the lowest and youngest first, if that is enough; none
// without which it would fit as well.
[[nodiscard]] Starts plain_preemptive_priority(const std::vector<PlainJob>& jobs, std::int64_t places);

}  // namespace drydock::properties
