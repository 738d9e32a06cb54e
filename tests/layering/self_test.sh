#!/usr/bin/env bash
# Shows that each rule of check.sh can fail: plants one breach at a time into a small tree that keeps all rules.
set -euo pipefail
check=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/check.sh
tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT
wrong=0 planted=0

clean_tree() {
  rm -rf -- "${tree:?}"/*
  mkdir -p "$tree"/{policies/core,sim,real-runtime,scenarios,reports,cli,tests,bench}
  printf '// steady_clock::now() is not for us\n#include "policies/core/time.hpp"\n' >"$tree/policies/a.cpp"
  printf '#include <simgrid/s4u.hpp>\n#include "scenarios/a.hpp"\n' >"$tree/sim/simgrid_model.cpp"
  printf '#include "sim/run.hpp"\n' >"$tree/cli/main.cpp"
  printf '#include "policies/ports/redis.hpp"\n#include <hiredis/hiredis.h>\n' >"$tree/real-runtime/client.cpp"
  printf '#include "sim/redis.hpp"\n#include "real-runtime/client.hpp"\n' >"$tree/tests/both_test.cpp"
}

clean_tree
if ! said=$(bash "$check" "$tree"); then
  echo "a tree without breaches was refused: $said"
  wrong=1
fi

# plant FILE TEXT RULE: check.sh must fail, and name the file and the rule.
plant() {
  clean_tree
  printf '%b\n' "$2" >"$tree/$1"
  planted=$((planted + 1))
  if said=$(bash "$check" "$tree"); then
    echo "not caught in $1: $2"
    wrong=1
  elif [[ $said != *"$1"*"$3"* ]]; then
    echo "in $1, '$2' should be refused because '$3', but: $said"
    wrong=1
  fi
}

plant policies/b.cpp '#include "sim/run.hpp"' 'policies stand alone'
plant policies/core/b.hpp '#include <scenarios/loader.hpp>' 'policies stand alone'
plant policies/b.cpp '#include "reports/metrics.hpp"' 'policies stand alone'
plant policies/b.cpp '  #  include "cli/table.hpp"' 'policies stand alone'
plant scenarios/b.cpp '#include "sim/run.hpp"' 'know no world'
plant reports/b.cpp '#include "real-runtime/loop.hpp"' 'know no world'
plant scenarios/b.cpp '#include "reports/metrics.hpp"' 'scenarios know no reports'
plant sim/b.cpp '#include "real-runtime/loop.hpp"' 'do not know each other'
plant real-runtime/b.cpp '#include "sim/run.hpp"' 'do not know each other'
plant sim/b.cpp '#include <simgrid/engine.h>' 'SimGrid is included by'
plant bench/b.cpp '#include <xbt/log.h>' 'SimGrid is included by'
plant cli/b.cpp '#include <simgrid/s4u.hpp>' 'SimGrid is included by'
plant sim/b.cpp '#include <libpq-fe.h>' 'real-runtime only'
plant cli/b.cpp '#include <hiredis/hiredis.h>' 'real-runtime only'
plant tests/b.cpp '#include <hiredis.h>' 'real-runtime only'
plant bench/b.cpp '#include <hiredis/async.h>' 'real-runtime only'
plant sim/redis.cpp '#include <hiredis/hiredis.h>' 'real-runtime only'
plant policies/core/b.hpp '#include "real-runtime/redis_client.hpp"' 'policies stand alone'
plant sim/redis.hpp '#include "real-runtime/redis_scripts.hpp"' 'do not know each other'
plant real-runtime/redis.cpp '#include "sim/redis.hpp"' 'do not know each other'
plant real-runtime/b.hpp '#include <hiredis/hiredis.h>' 'by sources, not by headers'
plant real-runtime/b.hpp '#include <libpq-fe.h>' 'by sources, not by headers'
plant real-runtime/b.cpp '#include <httplib.h>' 'cpp-httplib is included by'
plant tests/b.cpp '#include "httplib.h"' 'cpp-httplib is included by'
plant tests/b.cpp '#include <libpq-fe.h>' 'real-runtime only'
plant bench/b.cpp '#include <postgresql/libpq-fe.h>' 'real-runtime only'
plant sim/postgres.cpp '#include "real-runtime/postgres_schema.hpp"' 'do not know each other'
plant real-runtime/postgres.cpp '#include "sim/postgres.hpp"' 'do not know each other'
plant policies/b.cpp 'auto t = std::chrono::steady_clock::now();' 'reads no clock'
plant policies/b.cpp 'using C = std::chrono::system_clock; auto t = C::now();' 'reads no clock'
plant policies/b.cpp 'timespec t; clock_gettime(CLOCK_MONOTONIC, &t);\n clock_gettime(0, &t);' 'reads no clock'
plant policies/b.cpp 'auto home = std::getenv("HOME");' 'reads no environment'
plant policies/b.cpp 'std::exponential_distribution<> d(1.0);' 'own generators'
plant policies/b.cpp 'std::mt19937_64 r;' 'own generators'
plant sim/b.cpp 'std::normal_distribution<double> d;' 'differ between libraries'
plant policies/b.cpp 'std::mutex m;' 'no thread'
plant policies/b.cpp 'std::ofstream out("x");' 'no thread'
plant reports/long.cpp "$(printf '//\\n%.0s' {1..601})" 'at most 600 lines'

((wrong == 0)) || exit 1
echo "each of $planted planted breaches was caught"
