// A figure of a scenario of scenarios/reference against its known value.
#pragma once

#include <ostream>
#include <string>

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

}  // namespace drydock::reference
