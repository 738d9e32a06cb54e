// Closed forms of queueing theory, against which simulations are compared. Rates per second, times in seconds.
#pragma once

#include <cmath>
#include <functional>

namespace drydock::reference {

// Blocking probability of M/M/k/k with offered load a (Erlang, 1917).
inline double erlang_b(int servers, double a) {
  double b = 1.0;
  for (int k = 1; k <= servers; ++k) b = a * b / (k + a * b);
  return b;
}

// Probability that a job waits in M/M/c.
inline double erlang_c(int servers, double a) {
  const double b = erlang_b(servers, a);
  return b / (1.0 - a / servers * (1.0 - b));
}

// Mean wait in M/M/c.
inline double mmc_wait(int servers, double lambda, double mu) {
  return erlang_c(servers, lambda / mu) / (servers * mu - lambda);
}

// Mean wait in M/G/1 (Pollaczek, Khinchine).
inline double mg1_wait(double lambda, double mean, double second_moment) {
  return lambda * second_moment / (2.0 * (1.0 - lambda * mean));
}

struct PriorityClass {
  double lambda = 0;
  double mean = 0;
  double second_moment = 0;
};

// Two classes on one server, the first goes before the second. Mean wait of the second without preemption (Cobham, 1954).
inline double cobham_wait_low(const PriorityClass& high, const PriorityClass& low) {
  const double residual = (high.lambda * high.second_moment + low.lambda * low.second_moment) / 2.0;
  const double high_load = high.lambda * high.mean;
  return residual / ((1.0 - high_load) * (1.0 - high_load - low.lambda * low.mean));
}

// The same with preemptive resume: mean response of the second class (White, Christie, 1958).
inline double preemptive_response_low(const PriorityClass& high, const PriorityClass& low) {
  return low.mean / (1.0 - high.lambda * high.mean) + cobham_wait_low(high, low);
}

// M/M/c with two classes of equal service and no preemption: mean wait of the first class.
inline double mmc_priority_wait_high(int servers, double lambda_high, double lambda_low, double mu) {
  return erlang_c(servers, (lambda_high + lambda_low) / mu) / (servers * mu - lambda_high);
}

// Mean response, in mean services, of the shorter of two queues drawn at random among very many servers (Mitzenmacher, 2001).
inline double shorter_of_two_response(double load) {
  double sum = 0;
  for (int i = 1; i < 30; ++i) sum += std::pow(load, std::pow(2.0, i) - 2);
  return sum;
}

// Mean response, in mean services, where a server that has nothing left takes a waiting job, if there is one, from one other server drawn at
// random among very many (Mitzenmacher, SPAA 1998): s2 of the servers have two jobs or more, each further one is 1 / r times as seldom.
inline double stealing_response(double load) {
  const double s2 = (1 + load - std::sqrt(1 + 2 * load - 3 * load * load)) / 2;
  const double r = load / (1 + load - s2);
  return (load + s2 / (1 - r)) / load;
}

// Probability that all m tasks of a batch start at once where d probes for each are sent to very many servers (Sparrow, 2013).
inline double batch_starts_at_once(double load, int m, int d) {
  double sum = 0;
  for (int idle = m; idle <= d * m; ++idle) {
    sum += std::exp(std::lgamma(d * m + 1) - std::lgamma(idle + 1) - std::lgamma(d * m - idle + 1) +
                    idle * std::log(1 - load) + (d * m - idle) * std::log(load));
  }
  return sum;
}

// Integral over [0, upper], Simpson with n (even) steps.
inline double integrate(const std::function<double(double)>& f, double upper, int n) {
  const double h = upper / n;
  double sum = f(0) + f(upper);
  for (int i = 1; i < n; ++i) sum += (i % 2 == 1 ? 4.0 : 2.0) * f(i * h);
  return sum * h / 3.0;
}

// M/M/1 with service rate 1. Load of jobs no longer than x.
inline double load_up_to(double lambda, double x) { return lambda * (1.0 - std::exp(-x) * (1.0 + x)); }

// Mean response under SRPT in M/M/1, service rate 1 (Schrage, Miller, 1966).
inline double srpt_response(double lambda) {
  const auto response = [lambda](double x) {
    const double squares = 2.0 - std::exp(-x) * (x * x + 2.0 * x + 2.0);
    const double rest = 1.0 - load_up_to(lambda, x);
    const double wait = lambda * (squares + x * x * std::exp(-x)) / (2.0 * rest * rest);
    const double residence = integrate([lambda](double t) { return 1.0 / (1.0 - load_up_to(lambda, t)); }, x, 200);
    return wait + residence;
  };
  return integrate([&](double x) { return response(x) * std::exp(-x); }, 40.0, 4000);
}

// Mean wait under SJF without preemption in M/M/1, service rate 1 (Phipps, 1956).
inline double sjf_wait(double lambda) {
  return integrate(
      [lambda](double x) {
        const double rest = 1.0 - load_up_to(lambda, x);
        return lambda / (rest * rest) * std::exp(-x);
      },
      60.0, 20000);
}

// Mean response in M/M/1 whose server breaks down at rate xi (also when idle) and is repaired at rate eta; the interrupted
// job goes on where it was (Avi-Itzhak, Naor, Operations Research 11(3), 1963).
inline double breakdown_response(double lambda, double mu, double xi, double eta) {
  return ((xi + eta) * (xi + eta) + mu * xi) / ((xi + eta) * (eta * (mu - lambda) - xi * lambda));
}

}  // namespace drydock::reference
