// Closed forms of failure detection: what a detector's parameters promise, and which parameters keep a promise. Times in
// seconds, probabilities from 0 to 1. Delays are given by `exceeds`: x -> P(delay > x), which must be 1 for x < 0.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace drydock {

using Tail = std::function<double(double)>;

// Quality of service of a detector (Chen, Toueg, Aguilera, IEEE TC 51(5), 2002).
struct DetectorQuality {
  double detection_bound_s = 0;     // a crash is known at the latest after this time
  double mistake_recurrence_s = 0;  // E T_MR: mean time from one wrong suspicion to the next
  double mistake_duration_s = 0;    // E T_M: mean time until it is corrected
  double query_accuracy = 1;        // P_A: fraction of the time in which a live worker is trusted
};

// NFD-S with beats each `interval` s and freshness points `shift` s after them; each beat is lost with probability `loss`.
[[nodiscard]] DetectorQuality nfd_s_quality(double interval, double shift, double loss, const Tail& exceeds);

struct DetectorDemand {
  double detection_s = 0;           // upper bound of the detection time
  double mistake_recurrence_s = 0;  // lower bound of its mean
  double mistake_duration_s = 0;    // upper bound of its mean
};
struct DetectorParameters {
  double interval = 0;
  double shift = 0;
};
// The longest interval between beats with which NFD-S meets the demand, and its shift; nothing when none does. Section 4 of
// Chen, Toueg, Aguilera 2002.
[[nodiscard]] std::optional<DetectorParameters> configure_nfd_s(const DetectorDemand& demand, double loss,
                                                                const Tail& exceeds);

// Wrong suspicions per worker and hour under a fixed time to live of `ttl` s, refreshed each `interval` s by beats that are
// lost independently. `difference_exceeds`: x -> P(D' - D > x) of two independent delays.
[[nodiscard]] double ttl_false_expiries_per_hour(double interval, double ttl, double loss, const Tail& difference_exceeds);

// P(D' - D > x) of two exponential delays of this mean.
[[nodiscard]] Tail exponential_difference(double mean);

// Probability that among `beats` beats at least `length` in a row are lost.
[[nodiscard]] double probability_of_losses_in_a_row(std::uint32_t beats, std::uint32_t length, double loss);

// phi = -log10(P(a beat comes later still)) of the accrual detectors, and how far behind the mean it is reached.
// Normal (Hayashibara et al., SRDS 2004): standard deviations behind the mean at which phi is reached.
[[nodiscard]] double phi_normal_quantile(double phi);
// Likewise with the logistic approximation of the normal distribution that Akka uses.
[[nodiscard]] double phi_logistic_quantile(double phi);
// Exponential (Cassandra): means after the last beat.
[[nodiscard]] double phi_exponential_quantile(double phi);

// Protocol periods until some member of a large SWIM group first suspects a crashed one, on average; `live` is the fraction
// of its members that live (Das, Gupta, Motivala, DSN 2002).
[[nodiscard]] double swim_first_detection_periods(double live = 1.0);

}  // namespace drydock
