// Every case of the conformance suite on the simulated and on the real PostgreSQL store.

#include "tests/contract/postgres_under_test.hpp"

#include <tuple>

namespace drydock::postgres::postgres_conformance_test {
namespace {

class PostgresConformance : public testing::TestWithParam<std::tuple<PostgresWorld, PostgresCase>> {};

std::string name_of_case(const testing::TestParamInfo<std::tuple<PostgresWorld, PostgresCase>>& test) {
  return std::get<0>(test.param).name + std::get<1>(test.param).name;
}

TEST_P(PostgresConformance, Holds) {
  const auto& [world, which] = GetParam();
  run_case(which, world.make);
}

INSTANTIATE_TEST_SUITE_P(Worlds, PostgresConformance,
                         testing::Combine(testing::ValuesIn(postgres_worlds()), testing::ValuesIn(all_postgres_cases())),
                         name_of_case);

TEST(PostgresServer, IsHere) {
#ifdef DRYDOCK_WITH_RUNTIME
  EXPECT_TRUE(real_postgres_is_here()) << "only the simulated store was tested: the programs of PostgreSQL are not here (on "
                                          "Debian: apt-get install postgresql)";
#else
  GTEST_SKIP() << "only the simulated store was tested: built without the real runtime (DRYDOCK_BUILD_RUNTIME)";
#endif
}

}  // namespace
}  // namespace drydock::postgres::postgres_conformance_test
