// A figure of a scenario of scenarios/reference against its known value.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace drydock::reference {

struct Case {
  std::string id;        // as in expected.json, where it stands there
  std::string scenario;  // file in scenarios/reference
  std::string variant;
  std::string metric;
  double expected = 0;
  double tolerance = 0;  // in the unit of the metric
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.id; }
};

// Runs it over independent seeds until four standard errors of the mean are below the tolerance; then the mean must be within
// the tolerance of what is expected. Fails the test otherwise.
void expect_agreement(const Case& c);

// A figure of the published list of known answers.
struct Known {
  std::string id;
  bool by_formula = false;  // else by simulation
  double expected = 0;
  double tolerance = 0;  // in the unit of what is expected
};
// Those of a family ("A"); none where the list is not beside the repository.
std::optional<std::vector<Known>> known_answers(const std::string& family);

// Every simulated figure of the list has a case, which expects the same (in units of `unit`), and no less precisely.
void expect_case(const std::vector<Case>& cases, const Known& known, double unit = 1);

}  // namespace drydock::reference
